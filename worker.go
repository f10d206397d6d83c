package carom

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/carom-ipc/carom/internal/budget"
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
//
// The function's context ends when the process is no longer wanted. [context.Cause] says why,
// in an error that wraps [context.Canceled]:
//
//	the manager was closed                          by Close or Shutdown; wraps ErrClosed
//	the process that started this worker is gone
//	its context ended                               the one that Start was given, and its cause
//	terminated (SIGTERM)
//	the process that started the manager is gone    where another process started this one
//	the coordinator is gone                         where the memory is not mapped (Options.Remote)
//
// A worker has 500 ms to return after that, but after SIGTERM as long as it likes. What its
// function returns in time is what Wait returns: nil is success also then.
//
// Signals to the process group (Ctrl-C) reach workers too, and do nothing there: the process
// that started them has them as well, and its context decides. A worker takes no notice of
// SIGINT, SIGHUP and SIGQUIT, and SIGTERM ends its context. A function that wants to see
// signals itself calls [os/signal.Notify]; [os/signal.Reset] restores what Go programs do.
type Worker[A any] struct{ name string }

// NewWorker gives f a name by which a new process finds it. Args travel as CBOR;
// handles in them arrive attached. It panics if the name is taken or empty, if f is nil, or
// if part of an A would not arrive: see "Types that travel" in the package's documentation.
func NewWorker[A any](name string, f func(ctx context.Context, args A) error) *Worker[A] {
	switch {
	case name == "":
		panic("carom: a worker without a name")
	case f == nil:
		panic(fmt.Sprintf("carom: worker %q has no function", name))
	}
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

// Start starts a process that runs the worker with args, of at most 1 GiB when they are
// encoded. It returns when the process has its arguments. The end of ctx ends the worker's
// context, and the process if it has not gone a second later. Errors: ErrUnavailable if the
// program did not call Init, or the process cannot be started or is gone at once; ErrNotFound
// for a worker that a new process will not find, since NewWorker made it after Init; ErrType
// for arguments that cannot be encoded, ErrTooLarge for those that are too large;
// errors.ErrUnsupported for a manager that is connected by TLS, whose configuration cannot be
// handed over; ErrClosed; ctx's.
func (w *Worker[A]) Start(ctx context.Context, m *Manager, args A) (*Process, error) {
	p, err := startWorker(ctx, m, w.name, args)
	return p, opError("start", "Worker", w.name, err)
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
	if err := spawn.CheckWorker(name); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, err := codec.Encode(args)
	if err != nil {
		return nil, err
	}
	start := m.startOfWorker(name, b)
	var arena *os.File
	if !start.Remote {
		arena = m.arena.File()
	}
	w, err := spawn.StartWorker(ctx, start, arena)
	if err != nil {
		return nil, err
	}
	p := &Process{w}
	if start.Remote {
		m.employ(p)
		if m.check("start") != nil { // closed meanwhile: dismiss may have been before employ
			w.Dismiss()
		}
	}
	return p, nil
}

// startOfWorker is what a worker needs to know.
func (m *Manager) startOfWorker(name string, args []byte) spawn.Start {
	s := spawn.Start{Name: name, Args: args, Addr: m.addr, Key: m.key, Timeout: m.opts.Timeout, Codec: m.codec().Name(), NoLane: m.opts.NoLane}
	if m.arena == nil {
		s.Remote, s.Arena = true, m.ident()
	} else {
		s.Starter, s.Direct = m.starter(), m.root == 0
	}
	return s
}

// PID is the process's id.
func (p *Process) PID() int { return p.w.PID() }

// Wait waits for the process to end. It returns what the worker's function returned or
// panicked with: errors.Is finds carom's sentinels in it, and the cause of its context's end if
// the function returned its context's error. nil means that the function returned nil. Where
// Start's ctx ended the worker, it is that context's cause. A process that ends before its
// function returns has failed, also with status 0: one that was killed is an *exec.ExitError.
// Where somebody else reaps this process's children (SIGCHLD is ignored, or there is a reaper)
// what the function returned arrives nevertheless.
func (p *Process) Wait() error { return p.w.Wait() }

// Signal sends a signal. SIGTERM ends the worker's context; Worker says what others do.
func (p *Process) Signal(sig os.Signal) error { return p.w.Signal(sig) }

// Kill ends the process at once, with SIGKILL.
func (p *Process) Kill() error { return p.w.Kill() }

// inherited is the manager of a worker process.
var inherited *Manager

// joinManager makes the manager of a worker process.
func joinManager(start spawn.Start) (tie spawn.Tie, err error) {
	with, err := codec.ByName(start.Codec)
	if err != nil {
		return tie, err
	}
	opts := (&Options{Addr: start.Addr, Timeout: start.Timeout, Codec: with, NoLane: start.NoLane}).orDefault()
	join := joinLocal
	if start.Remote {
		join = joinRemote
	}
	if inherited, err = join(opts, start); err != nil {
		return tie, err
	}
	return spawn.Tie{Gone: func() error { return inherited.waitGone(start) }, Closed: inherited.wasClosed, Dismiss: inherited.dismiss}, nil
}

// joinLocal is a worker's manager, where the arena comes as a descriptor.
func joinLocal(opts Options, start spawn.Start) (*Manager, error) {
	file := spawn.InheritArena()
	arena, err := shm.Attach(file)
	if err != nil {
		return nil, budget.Explain(err)
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

// waitGone returns when a worker's manager is gone for all, and says why.
func (m *Manager) waitGone(start spawn.Start) error {
	ctx := context.Background()
	if m.arena == nil {
		if client, err := m.dial(ctx); err == nil {
			<-client.Done()
		}
	} else {
		m.arena.WaitClosed(ctx, start.Starter)
	}
	switch {
	case m.wasClosed():
		return spawn.ErrManagerClosed
	case m.arena == nil:
		return spawn.ErrCoordinatorGone
	case start.Direct:
		return spawn.ErrParentGone
	}
	return spawn.ErrStarterGone
}

// wasClosed tells whether the manager was closed, here or, as far as the arena says it, by
// those whose it is.
func (m *Manager) wasClosed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed || m.arena != nil && m.arena.Closed()
}
