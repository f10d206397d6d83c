package carom

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"sync"
	"time"

	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/internal/endpoint"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// A Worker is a function that runs in processes of its own: the same executable,
// started again. Make it a package variable, so that it is there when the new process
// looks for it in Init.
type Worker[A any] struct{ name string }

var workers sync.Map // name → func(ctx, args []byte) error

// NewWorker gives f a name by which a new process finds it. Args travel as CBOR;
// handles in them arrive attached. It panics if the name is taken.
func NewWorker[A any](name string, f func(ctx context.Context, args A) error) *Worker[A] {
	run := func(ctx context.Context, b []byte) error {
		var args A
		if err := codec.Decode(b, &args); err != nil {
			return fmt.Errorf("arguments of worker %q: %w", name, err)
		}
		return f(ctx, args)
	}
	if _, taken := workers.LoadOrStore(name, run); taken {
		panic(fmt.Sprintf("carom: two workers called %q", name))
	}
	return &Worker[A]{name: name}
}

// Start starts a process that runs the worker with args. ctx's end kills it. Errors:
// ErrUnavailable if the program did not call Init or cannot be started, ErrType for
// arguments that cannot be encoded, errors.ErrUnsupported for a manager that is connected by
// TLS, whose configuration cannot be handed over.
func (w *Worker[A]) Start(ctx context.Context, m *Manager, args A) (*Process, error) {
	if w == nil {
		return nil, &OpError{Op: "start", Kind: "Worker", Err: errNoHandle}
	}
	p, err := startWorker(ctx, m, w.name, args)
	if err != nil && !isContextError(err) {
		return nil, &OpError{Op: "start", Kind: "Worker", Name: w.name, Err: err}
	}
	return p, err
}

// Go starts the worker in a group. What goes wrong, also with starting it, is for the
// group's Wait.
func (w *Worker[A]) Go(g *Group, args A) {
	p, err := w.Start(g.ctx, g.m, args)
	if err != nil {
		g.fail(err)
		return
	}
	g.all.Go(func() {
		if err := p.Wait(); err != nil {
			g.fail(err)
		}
	})
}

// A Group is a set of worker processes that stand or fall together, as an errgroup
// does: the first error ends the others.
type Group struct {
	m      *Manager
	ctx    context.Context
	cancel context.CancelCauseFunc
	all    sync.WaitGroup

	mu  sync.Mutex
	err error
}

// NewGroup makes a group whose processes end with ctx.
func NewGroup(ctx context.Context, m *Manager) *Group {
	g := &Group{m: m}
	g.ctx, g.cancel = context.WithCancelCause(ctx)
	return g
}

func (g *Group) fail(err error) {
	g.mu.Lock()
	if g.err == nil {
		g.err = err
	}
	g.mu.Unlock()
	g.cancel(err)
}

// Wait waits for all processes of the group and returns the first error.
func (g *Group) Wait() error {
	g.all.Wait()
	g.cancel(nil)
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// A Process is a worker at work.
type Process struct {
	name    string
	cmd     *exec.Cmd
	control *os.File
	done    chan struct{}
	err     error // when done is closed
}

// grace is how long a worker has after its context's end before it is made to go.
const grace = 500 * time.Millisecond

func startWorker(ctx context.Context, m *Manager, name string, args any) (*Process, error) {
	if err := m.check("start"); err != nil {
		return nil, err
	}
	if network, _, _ := endpoint.Parse(m.addr); network == "tls" && m.opts.TLS != nil {
		return nil, fmt.Errorf("a worker of a manager that is connected by TLS: %w", errors.ErrUnsupported)
	}
	if m.arena != nil {
		if err := m.over("start"); err != nil {
			return nil, err
		}
	}
	if !initCalled.Load() {
		return nil, fmt.Errorf("call carom.Init first in main: %w", ErrUnavailable)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, err := codec.Encode(args)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(selfExe)
	cmd.Args[0] = os.Args[0]
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	start := m.startMessage(name, b)
	var arena *os.File
	if !start.Remote {
		arena = m.arena.File()
	}
	control, err := spawn(cmd, roleWorker, arena)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	p := &Process{name: name, cmd: cmd, control: control, done: make(chan struct{})}
	go p.wait(ctx)
	if m.child != nil && start.Remote {
		m.employ(p)
	}
	if err = writeMessage(control, start); err != nil {
		_ = p.Kill()
		<-p.done
		return nil, fmt.Errorf("worker %q went before it started: %w: %w", name, ErrUnavailable, errors.Join(err, p.err))
	}
	return p, nil
}

// startMessage is what a worker needs to know.
func (m *Manager) startMessage(name string, args []byte) message {
	s := message{Kind: "start", Name: name, Args: args, Addr: m.addr, Key: m.key, Timeout: int64(m.opts.Timeout), Codec: m.codec().Name(),
		NoLane: m.opts.NoLane}
	if m.arena == nil {
		s.Remote, s.Arena = true, m.ident()
	} else {
		s.Starter = m.starter()
	}
	return s
}

// wait reads the worker's last word and reaps it. When ctx ends it closes the
// connection, which ends the worker's own context, and kills it if it does not go.
func (p *Process) wait(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		_ = p.control.Close()
		select {
		case <-p.done:
		case <-time.After(2 * grace):
			_ = p.Kill()
		}
	})
	last, readErr := readMessage(p.control)
	err := p.cmd.Wait()
	stop()
	_ = p.control.Close()
	switch {
	case readErr == nil && last.Text != "":
		p.err = &workerError{p.name, errs.FromCode(last.Code, last.Text)}
	case err != nil && ctx.Err() != nil:
		p.err = context.Cause(ctx)
	case err != nil:
		p.err = &workerError{p.name, err}
	}
	close(p.done)
}

// workerError says which worker failed; errors.Is finds what the worker returned.
type workerError struct {
	name string
	err  error
}

func (e *workerError) Error() string { return fmt.Sprintf("carom: worker %q: %v", e.name, e.err) }
func (e *workerError) Unwrap() error { return e.err }

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Wait waits for the process to end. It returns what the worker returned or panicked
// with: errors.Is finds carom's sentinels in it. A process that was killed is an
// *exec.ExitError.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// Signal sends a signal.
func (p *Process) Signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// Kill ends the process at once, with SIGKILL.
func (p *Process) Kill() error { return p.cmd.Process.Kill() }

// inherited is the manager of a worker process.
var inherited *Manager

// runWorker is a worker's main: it runs the function that the starter named, with a
// context that ends when the starter or the manager goes.
func runWorker() error {
	control := inheritedFile(controlFD, "control")
	start, err := readMessage(control)
	if err != nil {
		return err
	}
	report := func(err error) error {
		// A starter that is gone, or does not want to know, hears nothing.
		_ = writeMessage(control, message{Kind: "result", Text: err.Error(), Code: errs.Code(err)})
		os.Exit(1)
		return nil
	}
	f, ok := workers.Load(start.Name)
	if !ok {
		return report(fmt.Errorf("no worker called %q in %s: %w", start.Name, os.Args[0], ErrNotFound))
	}
	codec, err := codec.ByName(start.Codec)
	if err != nil {
		return report(err)
	}
	opts := (&Options{Addr: start.Addr, Timeout: time.Duration(start.Timeout), Codec: codec, NoLane: start.NoLane}).orDefault()
	join := joinLocal
	if start.Remote {
		join = joinRemote
	}
	if inherited, err = join(opts, start); err != nil {
		return report(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		if m, err := readMessage(control); err == nil && m.Kind == messageStop {
			cancel(errManagerGone)
		} else {
			cancel(errParentGone)
		}
		time.Sleep(grace)
		endpoint.RemoveSocketDir(start.Addr) // whose coordinator may have been killed with it
		os.Exit(1)
	}()
	go func() {
		if inherited.isRemote() {
			inherited.waitGone(ctx)
		} else {
			inherited.arena.WaitClosed(ctx, start.Starter)
		}
		if ctx.Err() == nil {
			cancel(errManagerGone)
			time.Sleep(grace)
			os.Exit(1)
		}
	}()
	if err := runRecovering(ctx, f.(func(context.Context, []byte) error), start.Args); err != nil {
		return report(err)
	}
	_ = writeMessage(control, message{Kind: "result"})
	return nil
}

// joinLocal is a worker's manager, where the arena comes as a descriptor.
func joinLocal(opts Options, start message) (*Manager, error) {
	file := inheritedFile(arenaFD, "arena")
	arena, err := shm.Attach(file)
	if err != nil {
		return nil, err
	}
	_ = file.Close()
	arena.SetRole(shm.RoleWorker)
	m := newManager(opts, start.Addr, start.Key, arena)
	m.root, m.bound = start.Starter, start.Starter != 0
	return m, nil
}

var (
	errParentGone  = fmt.Errorf("the process that started this worker is gone: %w", context.Canceled)
	errManagerGone = fmt.Errorf("the manager is gone: %w", context.Canceled)
)

func runRecovering(ctx context.Context, f func(context.Context, []byte) error, args []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n\n%s", p, debug.Stack())
		}
	}()
	return f(ctx, args)
}
