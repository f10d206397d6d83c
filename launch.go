package carom

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/internal/endpoint"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// coordinator is the child that Start launched.
type coordinator struct {
	cmd     *exec.Cmd
	control *os.File
	addr    string
	gone    chan struct{} // closed when it was reaped
}

// launch starts the coordinator and waits until it serves.
func launch(ctx context.Context, opts Options, key []byte, arena *shm.Arena) (*coordinator, error) {
	command, err := coordinatorCommand(opts)
	if err != nil {
		return nil, err
	}
	args, err := codec.Encode(opts.InitArgs)
	if err != nil {
		return nil, fmt.Errorf("InitArgs: %w", err)
	}
	cmd := exec.Command(command[0], command[1:]...)
	// What it prints must not hold the pipes of this process's output open.
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	control, err := spawn(cmd, roleCoord, arena.File())
	if err != nil {
		return nil, fmt.Errorf("coordinator %s: %w: %w", command[0], ErrUnavailable, err)
	}
	c := &coordinator{cmd: cmd, control: control, gone: make(chan struct{})}
	lines, answered := make(chan struct{}), make(chan struct{})
	go func() { defer close(lines); logLines(opts.Logger, stderr) }()
	go func() {
		<-lines
		_ = cmd.Wait()
		<-answered // it may have gone right after it came up
		if c.addr != "" {
			endpoint.RemoveSocketDir(c.addr)
		}
		close(c.gone)
	}()
	if deadline, ok := ctx.Deadline(); ok {
		_ = control.SetDeadline(deadline)
	}
	cancelled := context.AfterFunc(ctx, func() { _ = control.SetDeadline(time.Unix(1, 0)) })
	defer cancelled()
	err = writeMessage(control, message{Kind: "start", Remote: opts.Remote, Addr: opts.Addr, Key: key, Name: opts.Initializer, Args: args, Codec: opts.Codec.Name(), Limits: opts.Limits})
	var ready message
	if err == nil {
		ready, err = readMessage(control)
	}
	if err == nil && ready.Kind != messageReady {
		err = errs.FromCode(ready.Code, ready.Text)
	} else if err != nil {
		err = fmt.Errorf("coordinator %s did not come up: %w: %w", command[0], ErrUnavailable, err)
	}
	if err == nil {
		c.addr = ready.Text
	}
	close(answered)
	if err != nil {
		c.stop(0)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	_ = control.SetDeadline(time.Time{})
	return c, nil
}

func coordinatorCommand(opts Options) ([]string, error) {
	if len(opts.Command) > 0 {
		return opts.Command, nil
	}
	if initCalled.Load() {
		return []string{selfExe}, nil
	}
	path, err := exec.LookPath("carom")
	if err != nil {
		return nil, fmt.Errorf("no program to launch the coordinator with: call carom.Init first in main, or put carom into PATH: %w: %w", ErrUnavailable, err)
	}
	return []string{path, "serve"}, nil
}

// selfExe is this executable, also when its file was replaced or removed meanwhile.
const selfExe = "/proc/self/exe"

func logLines(log *slog.Logger, r io.Reader) {
	s := bufio.NewScanner(r)
	for s.Scan() {
		log.Warn("coordinator", "says", s.Text())
	}
	_, _ = io.Copy(io.Discard, r) // a line too long for the scanner must not block it
}

// stop closes the connection that keeps the coordinator alive, and kills it if it has
// not gone after a while.
func (c *coordinator) stop(patience time.Duration) {
	_ = c.control.Close()
	if patience > 0 {
		select {
		case <-c.gone:
			return
		case <-time.After(patience):
		}
	}
	_ = c.cmd.Process.Kill()
	<-c.gone
}

// shutdown asks the coordinator to drain, and waits until it has gone.
func (c *coordinator) shutdown(ctx context.Context) error {
	if err := writeMessage(c.control, message{Kind: messageStop}); err != nil {
		return nil // it is gone: there is nothing to drain
	}
	select {
	case <-c.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
