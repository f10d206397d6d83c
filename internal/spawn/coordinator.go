package spawn

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"time"

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
	cmd     *exec.Cmd
	control *os.File
	addr    string
	gone    chan struct{} // closed when it was reaped
}

// Launch starts the coordinator of the arena and waits until it serves. Errors: ErrUnavailable
// if it cannot be started or does not come up, what it says itself, ctx's.
func Launch(ctx context.Context, l LaunchConfig, arena *os.File) (*Coordinator, error) {
	command, err := l.command()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(command[0], command[1:]...)
	// What it prints must not hold the pipes of this process's output open.
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	control, err := start(cmd, RoleCoordinator, arena)
	if err != nil {
		return nil, fmt.Errorf("coordinator %s: %w: %w", command[0], errs.ErrUnavailable, err)
	}
	c := &Coordinator{cmd: cmd, control: control, gone: make(chan struct{})}
	lines, answered := make(chan struct{}), make(chan struct{})
	go func() { defer close(lines); logLines(l.Logger, stderr) }()
	go func() {
		<-lines
		_ = cmd.Wait()
		<-answered // it may have gone right after it came up
		if c.addr != "" {
			endpoint.RemoveSocketDir(c.addr)
		}
		close(c.gone)
	}()
	c.addr, err = c.ready(ctx, l.Start)
	close(answered)
	if err != nil {
		over, cancel := context.WithCancel(ctx)
		cancel()
		c.Stop(over)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	_ = control.SetDeadline(time.Time{})
	return c, nil
}

// ready tells the coordinator what it is to do, and returns where it serves.
func (c *Coordinator) ready(ctx context.Context, s Start) (addr string, err error) {
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.control.SetDeadline(deadline)
	}
	cancelled := context.AfterFunc(ctx, func() { _ = c.control.SetDeadline(time.Unix(1, 0)) })
	defer cancelled()
	var answer message
	if err = send(c.control, s); err == nil {
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
		return []string{selfExe}, nil
	}
	path, err := exec.LookPath("carom")
	if err != nil {
		return nil, fmt.Errorf("no program to launch the coordinator with: call carom.Init first in main, or put carom into PATH: %w: %w", errs.ErrUnavailable, err)
	}
	return []string{path, "serve"}, nil
}

func logLines(log *slog.Logger, r io.Reader) {
	s := bufio.NewScanner(r)
	for s.Scan() {
		log.Warn("coordinator", "says", s.Text())
	}
	_, _ = io.Copy(io.Discard, r) // a line too long for the scanner must not block it
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
