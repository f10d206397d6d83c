package spawn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
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

// StartWorker starts this executable for the worker that s names. The end of ctx ends the
// worker's context, and the process if it does not go. arena is nil if the worker is not to
// map it. Errors: ErrTooLarge for arguments, before anything is started; ErrUnavailable if the
// process cannot be started, or goes before it knows what to do; ctx's.
func StartWorker(ctx context.Context, s Start, arena *os.File) (*Worker, error) {
	if err := CheckArgs(len(s.Args)); err != nil {
		return nil, err
	}
	cmd := exec.Command(executable())
	cmd.Args[0] = os.Args[0]
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	control, err := start(cmd, RoleWorker, arena)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errs.ErrUnavailable, err)
	}
	w := &Worker{name: s.Name, cmd: cmd, control: control, done: make(chan struct{})}
	// Until it has its arguments its function does not run, and nothing is lost with it.
	stop := context.AfterFunc(ctx, func() { _ = w.Kill() })
	err = sendStart(control, s)
	if !stop() {
		go w.wait(ctx)
		<-w.done
		return nil, ctx.Err()
	}
	go w.wait(ctx)
	if err != nil {
		w.killAfter(grace)
		return nil, fmt.Errorf("worker %q went before it started: %w: %w", w.name, errs.ErrUnavailable, errors.Join(err, w.err))
	}
	return w, nil
}

// killAfter returns when the process has ended, which it has d to do by itself.
func (w *Worker) killAfter(d time.Duration) {
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-w.done:
	case <-late.C:
		_ = w.Kill()
		<-w.done
	}
}

// wait reads the worker's last word and reaps it. When ctx ends it tells the worker, and
// kills it if it does not go.
func (w *Worker) wait(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		go w.tell(message{Kind: kindEnd, Text: context.Cause(ctx).Error()})
		w.killAfter(2 * grace)
	})
	last, err := receiveMessage(w.control)
	spoke := err == nil
	program := ""
	if !spoke {
		program = otherProgram(w.cmd.Process)
	}
	err = w.cmd.Wait()
	stop()
	_ = w.control.Close()
	if spoke {
		err = outcome(last, err)
	} else {
		err = vanished(program, err)
	}
	if err != nil && ctx.Err() != nil && (!spoke || errors.Is(err, errContextEnded)) {
		w.err = context.Cause(ctx)
	} else if err != nil {
		w.err = &workerError{w.name, err}
	}
	close(w.done)
}

// outcome is what the worker said, and in spite of what reaping it said: that fails where
// somebody else reaps this process's children, or SIGCHLD is ignored.
func outcome(last message, reaped error) error {
	var exit *exec.ExitError
	switch {
	case last.Kind == kindError && causes[last.Cause] != nil:
		return &because{last.Text, causes[last.Cause]}
	case last.Kind == kindError:
		return errs.FromCode(last.Code, last.Text)
	case last.Kind != kindResult:
		return fmt.Errorf("its last word was %q: %w", last.Kind, errs.ErrCorrupt)
	case errors.As(reaped, &exit) && exit.Exited(): // as the race detector has it
		return fmt.Errorf("its function returned nil, but the process found fault at exit: %w", reaped)
	}
	return nil
}

// vanished says how a process ended that did not say what came of its function.
func vanished(program string, reaped error) error {
	var exit *exec.ExitError
	switch {
	case program != "" && reaped == nil:
		return fmt.Errorf("it became another program by exec, %s, which exited with status 0: its function did not return", program)
	case program != "":
		return fmt.Errorf("it became another program by exec, %s: its function did not return: %w", program, reaped)
	case reaped == nil:
		return errors.New("it exited with status 0 before its function returned, as by os.Exit or exec")
	case errors.As(reaped, &exit) && exit.Exited():
		return fmt.Errorf("it exited before its function returned, as by os.Exit or exec, or by a crash: %w", reaped)
	case errors.Is(reaped, syscall.ECHILD):
		return fmt.Errorf("it ended before its function returned, as by os.Exit, exec or a signal; its status is lost, because somebody else reaps this process's children or SIGCHLD is ignored: %w", reaped)
	}
	return reaped // a signal, which says it all
}

// otherProgram is what program a process runs whose connection ended, "" for one that is
// ending: the kernel takes its memory first, and then closes its descriptors. So it is another
// program, if that has not ended by now as well.
func otherProgram(p *os.Process) string {
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.Pid))
	if err != nil || p.Signal(syscall.Signal(0)) != nil { // reaped by somebody else: the number may be another's
		return ""
	}
	return program
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

// Dismiss tells the worker that the manager was closed.
func (w *Worker) Dismiss() { w.tell(message{Kind: kindStop}) }

// tell says m to the worker. One that has gone need not know.
func (w *Worker) tell(m message) { _ = send(w.control, m) }
