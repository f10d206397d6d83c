package spawn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/carom-ipc/carom/internal/errs"
)

// Worker is a worker process that this process started.
type Worker struct {
	name    string
	cmd     *exec.Cmd
	control *os.File
	done    chan struct{}
	err     error // when done is closed
}

// grace is how long a worker has after its context's end before it is made to go.
const grace = 500 * time.Millisecond

// StartWorker starts this executable for the worker called name, which waits for Begin. The
// end of ctx kills it. arena is nil if the worker is not to map it. ErrUnavailable: the
// process cannot be started.
func StartWorker(ctx context.Context, name string, arena *os.File) (*Worker, error) {
	cmd := exec.Command(selfExe)
	cmd.Args[0] = os.Args[0]
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	control, err := start(cmd, RoleWorker, arena)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errs.ErrUnavailable, err)
	}
	w := &Worker{name: name, cmd: cmd, control: control, done: make(chan struct{})}
	go w.wait(ctx)
	return w, nil
}

// Begin tells the worker what it is to do. ErrUnavailable: it has gone already.
func (w *Worker) Begin(s Start) error {
	s.Name = w.name
	if err := send(w.control, s); err != nil {
		_ = w.Kill()
		<-w.done
		return fmt.Errorf("worker %q went before it started: %w: %w", w.name, errs.ErrUnavailable, errors.Join(err, w.err))
	}
	return nil
}

// wait reads the worker's last word and reaps it. When ctx ends it closes the
// connection, which ends the worker's own context, and kills it if it does not go.
func (w *Worker) wait(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		_ = w.control.Close()
		select {
		case <-w.done:
		case <-time.After(2 * grace):
			_ = w.Kill()
		}
	})
	last, readErr := receiveMessage(w.control)
	err := w.cmd.Wait()
	stop()
	_ = w.control.Close()
	switch {
	case readErr == nil && last.Text != "":
		w.err = &workerError{w.name, errs.FromCode(last.Code, last.Text)}
	case err != nil && ctx.Err() != nil:
		w.err = context.Cause(ctx)
	case err != nil:
		w.err = &workerError{w.name, err}
	}
	close(w.done)
}

// workerError says which worker failed; errors.Is finds what the worker returned.
type workerError struct {
	name string
	err  error
}

func (e *workerError) Error() string { return fmt.Sprintf("carom: worker %q: %v", e.name, e.err) }
func (e *workerError) Unwrap() error { return e.err }

// PID is the process's id.
func (w *Worker) PID() int { return w.cmd.Process.Pid }

// Done is closed when the process has ended.
func (w *Worker) Done() <-chan struct{} { return w.done }

// Wait waits for the process to end, and returns what it returned.
func (w *Worker) Wait() error {
	<-w.done
	return w.err
}

// Signal sends a signal.
func (w *Worker) Signal(sig os.Signal) error { return w.cmd.Process.Signal(sig) }

// Kill ends the process at once.
func (w *Worker) Kill() error { return w.cmd.Process.Kill() }

// Dismiss tells the worker that the manager is closed. One that has gone need not know.
func (w *Worker) Dismiss() { _ = send(w.control, message{Kind: kindStop}) }
