package spawn

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/carom-ipc/carom/internal/budget"
	"github.com/carom-ipc/carom/internal/endpoint"
	"github.com/carom-ipc/carom/internal/errs"
)

// LaunchConfig says how a coordinator is launched.
type LaunchConfig struct {
	// Command starts a program that calls Begin. Empty: this executable, if it did, else
	// "carom serve" from PATH.
	Command []string
	Start   Start
	Logger  *slog.Logger // gets what the coordinator prints
}

// Coordinator is a coordinator that this process launched.
type Coordinator struct {
	cmd      *exec.Cmd
	control  *os.File
	addr     string
	stopping atomic.Bool
	gone     chan struct{} // closed when it was reaped
	ended    string        // how, when gone is closed
}

// Launch starts the coordinator of the arena and waits until it serves. Errors: ErrUnavailable
// if it cannot be started or does not come up, what it says itself, ctx's.
func Launch(ctx context.Context, l LaunchConfig, arena *os.File) (*Coordinator, error) {
	if err := CheckArgs(len(l.Start.Args)); err != nil {
		return nil, err
	}
	command, err := l.command()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(command[0], command[1:]...)
	// What it prints must not hold the pipes of this process's output open.
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, budget.Explain(err)
	}
	control, err := start(cmd, RoleCoordinator, arena)
	if err != nil {
		return nil, fmt.Errorf("coordinator %s: %w: %w", command[0], errs.ErrUnavailable, err)
	}
	c := &Coordinator{cmd: cmd, control: control, gone: make(chan struct{})}
	answered := make(chan struct{})
	go c.reap(l.Logger, stderr, answered)
	c.addr, err = c.ready(ctx, l.Start)
	close(answered)
	if err != nil {
		over, cancel := context.WithTimeout(ctx, grace)
		defer cancel()
		c.Stop(over)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if errors.Is(err, errs.ErrUnavailable) {
			err = fmt.Errorf("%w (%s)", err, c.ended)
		}
		return nil, err
	}
	_ = control.SetDeadline(time.Time{})
	return c, nil
}

// reap waits until the process has ended, and sees to it that it leaves nothing.
func (c *Coordinator) reap(log *slog.Logger, stderr io.ReadCloser, answered <-chan struct{}) {
	lines := make(chan struct{})
	go func() { defer close(lines); logLines(log, stderr) }()
	state, err := c.cmd.Process.Wait()
	select {
	case <-lines:
	case <-time.After(grace): // a process that it started holds the pipe open
	}
	_ = stderr.Close()
	<-lines
	<-answered // it may have gone right after it came up
	if c.addr != "" {
		endpoint.RemoveSocket(c.addr, 0)
	}
	switch {
	case err == nil:
		c.ended = state.String()
	case errors.Is(err, syscall.ECHILD): // where SIGCHLD is ignored, for one
		c.ended = "reaped by somebody else"
	default:
		c.ended = err.Error()
	}
	if !c.stopping.Load() {
		log.Error("the coordinator is gone", "pid", c.PID(), "ended", c.ended)
	}
	close(c.gone)
}

// ready tells the coordinator what it is to do, and returns where it serves.
func (c *Coordinator) ready(ctx context.Context, s Start) (addr string, err error) {
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.control.SetDeadline(deadline)
	}
	cancelled := context.AfterFunc(ctx, func() { _ = c.control.SetDeadline(time.Unix(1, 0)) })
	defer cancelled()
	var answer message
	if err = sendStart(c.control, s); err == nil {
		answer, err = receiveMessage(c.control)
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("coordinator %s did not come up: %w: %w", c.cmd.Args[0], errs.ErrUnavailable, err)
	case answer.Kind != kindReady:
		return "", errs.FromCode(answer.Code, answer.Text)
	}
	return answer.Text, nil
}

func (l LaunchConfig) command() ([]string, error) {
	if len(l.Command) > 0 {
		return l.Command, nil
	}
	if begun.Load() {
		return []string{executable()}, nil
	}
	path, err := exec.LookPath("carom")
	if err != nil {
		return nil, fmt.Errorf("no program to launch the coordinator with: call carom.Init first in main, or put carom into PATH: %w: %w", errs.ErrUnavailable, err)
	}
	return []string{path, "serve"}, nil
}

// logLines logs what the coordinator prints, a line that is very long in pieces.
func logLines(log *slog.Logger, r io.Reader) {
	lines := bufio.NewReaderSize(r, 64<<10)
	for {
		line, _, err := lines.ReadLine()
		if err != nil {
			return
		}
		log.Warn("coordinator", "says", string(line))
	}
}

// Addr is where the coordinator serves.
func (c *Coordinator) Addr() string { return c.addr }

// PID is its process's id.
func (c *Coordinator) PID() int { return c.cmd.Process.Pid }

// Gone is closed when its process has gone.
func (c *Coordinator) Gone() <-chan struct{} { return c.gone }

// Stop closes the connection that keeps the coordinator alive, and kills it if it has not
// gone when ctx ends.
func (c *Coordinator) Stop(ctx context.Context) {
	c.stopping.Store(true)
	_ = c.control.Close()
	select {
	case <-c.gone:
	case <-ctx.Done():
		_ = c.cmd.Process.Kill()
		<-c.gone
	}
}

// Shutdown asks the coordinator to drain, and waits until it has gone or ctx ends.
func (c *Coordinator) Shutdown(ctx context.Context) error {
	c.stopping.Store(true)
	if err := send(c.control, message{Kind: kindStop}); err != nil {
		return nil // it is gone: there is nothing to drain
	}
	select {
	case <-c.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
