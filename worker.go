package carom

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/internal/endpoint"
	"github.com/carom-ipc/carom/internal/spawn"
	"github.com/carom-ipc/carom/shm"
)

// Init must be the first line of main, and of TestMain: in a process that was started
// as a worker or as the coordinator it does that work and exits; in any other it
// returns at once.
func Init() {
	role, err := spawn.Begin()
	if err == nil {
		switch role {
		case spawn.RoleCoordinator:
			err = spawn.Coordinate(serveLaunched)
		case spawn.RoleWorker:
			err = spawn.Work(joinManager)
		default:
			return
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A Worker is a function that runs in processes of its own: the same executable,
// started again. Make it a package variable, so that it is there when the new process
// looks for it in Init.
type Worker[A any] struct{ name string }

// NewWorker gives f a name by which a new process finds it. Args travel as CBOR;
// handles in them arrive attached. It panics if the name is taken, or if part of an A
// would not arrive: see "Types that travel" in the package's documentation.
func NewWorker[A any](name string, f func(ctx context.Context, args A) error) *Worker[A] {
	if err := codec.Travels[A](); err != nil {
		panic(fmt.Sprintf("carom: NewWorker %q: %v", name, err))
	}
	run := func(ctx context.Context, b []byte) error {
		var args A
		if err := codec.Decode(b, &args); err != nil {
			return fmt.Errorf("arguments of worker %q: %w", name, err)
		}
		return f(ctx, args)
	}
	if !spawn.Register(name, run) {
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
		return nil, errNoHandle("start")
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

// A Process is a worker at work.
type Process struct{ w *spawn.Worker }

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
	if err := spawn.Begun(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, err := codec.Encode(args)
	if err != nil {
		return nil, err
	}
	start := m.startOfWorker(b)
	var arena *os.File
	if !start.Remote {
		arena = m.arena.File()
	}
	w, err := spawn.StartWorker(ctx, name, arena)
	if err != nil {
		return nil, err
	}
	p := &Process{w}
	if m.child != nil && start.Remote {
		m.employ(p)
	}
	if err := w.Begin(start); err != nil {
		return nil, err
	}
	return p, nil
}

// startOfWorker is what a worker needs to know.
func (m *Manager) startOfWorker(args []byte) spawn.Start {
	s := spawn.Start{Args: args, Addr: m.addr, Key: m.key, Timeout: m.opts.Timeout, Codec: m.codec().Name(), NoLane: m.opts.NoLane}
	if m.arena == nil {
		s.Remote, s.Arena = true, m.ident()
	} else {
		s.Starter = m.starter()
	}
	return s
}

// PID is the process's id.
func (p *Process) PID() int { return p.w.PID() }

// Wait waits for the process to end. It returns what the worker returned or panicked
// with: errors.Is finds carom's sentinels in it. A process that was killed is an
// *exec.ExitError.
func (p *Process) Wait() error { return p.w.Wait() }

// Signal sends a signal.
func (p *Process) Signal(sig os.Signal) error { return p.w.Signal(sig) }

// Kill ends the process at once, with SIGKILL.
func (p *Process) Kill() error { return p.w.Kill() }

// inherited is the manager of a worker process.
var inherited *Manager

// joinManager makes the manager of a worker process. gone waits until that is gone for all,
// or ctx ends.
func joinManager(start spawn.Start) (gone func(ctx context.Context), err error) {
	with, err := codec.ByName(start.Codec)
	if err != nil {
		return nil, err
	}
	opts := (&Options{Addr: start.Addr, Timeout: start.Timeout, Codec: with, NoLane: start.NoLane}).orDefault()
	join := joinLocal
	if start.Remote {
		join = joinRemote
	}
	if inherited, err = join(opts, start); err != nil {
		return nil, err
	}
	if inherited.arena == nil {
		return inherited.waitGone, nil
	}
	return func(ctx context.Context) { inherited.arena.WaitClosed(ctx, start.Starter) }, nil
}

// joinLocal is a worker's manager, where the arena comes as a descriptor.
func joinLocal(opts Options, start spawn.Start) (*Manager, error) {
	file := spawn.InheritArena()
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

// joinRemote is a worker's manager, where the memory is the coordinator's alone. The
// manager is gone, for the worker, when its coordinator is.
func joinRemote(opts Options, start spawn.Start) (*Manager, error) {
	opts.Remote = true
	m := newManager(opts, start.Addr, start.Key, nil)
	m.bound = true
	if len(start.Arena) != len(m.id) {
		return nil, fmt.Errorf("the arena's id has %d bytes: %w", len(start.Arena), ErrCorrupt)
	}
	register(m, [16]byte(start.Arena))
	ctx, cancel := bounded(m)
	defer cancel()
	_, err := m.dial(ctx)
	return m, err
}

// waitGone returns when the coordinator is gone, or with ctx.
func (m *Manager) waitGone(ctx context.Context) {
	client, err := m.dial(ctx)
	if err != nil {
		return
	}
	select {
	case <-client.Done():
	case <-ctx.Done():
	}
}
