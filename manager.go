package carom

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"sync"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/budget"
	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/internal/endpoint"
	"github.com/carom-ipc/carom/internal/spawn"
	"github.com/carom-ipc/carom/shm"
)

// A Manager makes the objects that processes share. It is safe for concurrent use.
//
// Values, arrays, locks and queues live in the arena, memory that all processes of
// the manager map; they need no server, and go on when the coordinator is gone. Dicts,
// lists and namespaces live in the coordinator, a process of its own.
type Manager struct {
	opts  Options
	addr  string
	key   []byte
	arena *shm.Arena // nil where the memory is not mapped
	id    [16]byte   // of the arena: how handles name their manager
	child *spawn.Coordinator
	bound bool                                    // the coordinator goes for good when it goes: the manager's process or the worker's starter runs it
	root  uint32                                  // in a worker: the process that the manager goes with
	own   func(context.Context) (net.Conn, error) // in a coordinator, its own manager: the way in

	ctx    context.Context // ends when the manager goes away
	cancel context.CancelCauseFunc

	dialing chan struct{} // full while somebody makes a client

	mu     sync.Mutex
	client *coord.Client
	epoch  uint64 // of the coordinator that it is connected to; 0 before the first time
	other  bool   // which is not the one of arena
	closed bool

	overseer struct {
		mu     sync.Mutex
		handle *handle // tells about the memory where it is not mapped; nil until somebody asks
	}
	employed struct {
		mu      sync.Mutex
		workers map[*Process]struct{} // that are told when the manager is closed
	}
}

// Start makes an arena, attaches this process and launches a coordinator. nil options
// are the defaults. Errors: ErrNoMemory for a budget that is too small, ErrUnavailable
// if the coordinator does not come up in time, errors.ErrUnsupported on systems other
// than Linux, the context's.
func Start(ctx context.Context, o *Options) (*Manager, error) {
	opts := o.orDefault()
	if opts.Memory == 0 {
		opts.Memory = budget.Default()
	}
	m, err := start(ctx, opts)
	if err != nil {
		return nil, opError("start", "", "", err)
	}
	return m, nil
}

func start(ctx context.Context, opts Options) (*Manager, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err := opts.check(); err != nil {
		return nil, err
	}
	if network, _, err := endpoint.Parse(opts.Addr); err == nil && network == "tls" {
		return nil, fmt.Errorf("Start cannot hand a tls.Config to the coordinator that it launches, Serve can listen on %s: %w", opts.Addr, errors.ErrUnsupported)
	}
	key := opts.AuthKey
	if len(key) == 0 {
		key = endpoint.NewKey()
	}
	arena, err := createArena(opts.Memory)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, opts.Timeout)
	defer cancel()
	child, err := launch(ctx, opts, key, arena)
	if err != nil {
		_ = arena.Close(context.Background())
		return nil, err
	}
	if opts.Remote {
		return forgetArena(ctx, opts, key, child, arena)
	}
	m := newManager(opts, child.Addr(), key, arena)
	m.child, m.bound = child, true
	return m, nil
}

// createArena makes an arena, or says which of the system's limits is in the way.
func createArena(memory int64) (arena *shm.Arena, err error) {
	err = budget.Sparse(func() error {
		arena, err = shm.Create(memory)
		return err
	})
	return arena, budget.Explain(err)
}

// Connect attaches to a running coordinator, and to its arena if that is on this
// machine and Options.Remote does not say otherwise. Errors: ErrAuth for a wrong key or
// user, ErrUnavailable if nobody answers, ErrType for an arena of another version, the
// context's.
func Connect(ctx context.Context, addr string, o *Options) (*Manager, error) {
	m, err := connect(ctx, addr, o.orDefault())
	if err != nil {
		return nil, opError("connect", "", addr, err)
	}
	return m, nil
}

func connect(ctx context.Context, addr string, opts Options) (*Manager, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	if network, _, err := endpoint.Parse(addr); err == nil && network == "tls" && opts.TLS == nil {
		return nil, fmt.Errorf("Options.TLS is required: %w", ErrAuth)
	}
	key := opts.AuthKey
	if len(key) == 0 {
		var err error
		var warning string
		if key, warning, err = endpoint.KeyFromEnv(); err != nil {
			return nil, err
		}
		if warning != "" {
			opts.Logger.Warn(warning)
		}
	}
	m := newManager(opts, addr, key, nil)
	client, err := m.dial(ctx)
	if err != nil {
		return nil, err
	}
	payload, files := client.Welcome()
	defer closeAll(files)
	var w welcome
	if err := codec.Decode(payload, &w); err != nil || len(w.Arena) != len(m.id) {
		_ = client.Close()
		return nil, fmt.Errorf("what the coordinator at %s says of its arena: %w", addr, errors.Join(ErrCorrupt, err))
	}
	if len(files) > 0 && !opts.Remote {
		if m.arena, err = shm.Attach(files[0]); err != nil {
			_ = client.Close()
			return nil, budget.Explain(err)
		}
		if !opts.NoLane { // the next connection has one: see dial
			_ = client.Close()
		}
	}
	register(m, [16]byte(w.Arena))
	return m, nil
}

// welcome is what the coordinator tells a client beside its objects.
type welcome struct {
	Arena []byte `cbor:"arena"`
}

func newManager(opts Options, addr string, key []byte, arena *shm.Arena) *Manager {
	m := freshManager(opts, addr, key, arena)
	if arena != nil {
		register(m, arena.ID())
	}
	return m
}

// freshManager is a manager that handles do not find.
func freshManager(opts Options, addr string, key []byte, arena *shm.Arena) *Manager {
	m := &Manager{opts: opts, addr: addr, key: key, arena: arena, dialing: make(chan struct{}, 1)}
	m.ctx, m.cancel = context.WithCancelCause(context.Background())
	return m
}

// FromEnv returns the manager that this worker process was started with; all calls
// return the same. In a coordinator, with the context that a method, a factory or an
// initializer was given, it is the coordinator's own manager, which cannot be closed.
// In a process that is neither, it connects to the coordinator that CAROM_ADDR names.
// Errors: ErrNotFound where there is none.
func FromEnv(ctx context.Context) (*Manager, error) {
	if m, ok := ctx.Value(ownManager{}).(*Manager); ok {
		return m, nil
	}
	if inherited != nil {
		return inherited, nil
	}
	addr := os.Getenv("CAROM_ADDR")
	if addr == "" {
		return nil, opError("from env", "", "", fmt.Errorf("this process is no worker, and CAROM_ADDR is not set: %w", ErrNotFound))
	}
	return Connect(ctx, addr, nil)
}

// Addr is where the coordinator listens, for Connect.
func (m *Manager) Addr() string {
	if m == nil {
		return ""
	}
	return m.addr
}

// Remove takes an object's name away at once; its memory is freed when no live process
// has it attached. ErrNotFound: there is none of that name.
func (m *Manager) Remove(ctx context.Context, name string) error {
	if err := m.check("remove"); err != nil {
		return err
	}
	if m.arena != nil {
		if err := m.arena.RemoveMapped(ctx, name); !errors.Is(err, ErrNotLocal) {
			return m.fail("remove", name, err)
		}
	}
	client, err := m.dial(ctx)
	if err == nil {
		err = client.Remove(ctx, name)
	}
	return m.fail("remove", name, err)
}

// Shutdown ends the manager for all: constructors answer ErrClosed, workers' contexts
// end, the coordinator answers what is in flight and stops. It waits for that until
// ctx ends, and returns its error then; the coordinator is stopped all the same.
// ErrNotOwner from a manager that did not start the coordinator.
func (m *Manager) Shutdown(ctx context.Context) error {
	if err := m.check("shutdown"); err != nil {
		return err
	}
	if m.child == nil {
		return m.fail("shutdown", "", fmt.Errorf("the coordinator at %s was not started here: %w", m.addr, ErrNotOwner))
	}
	if m.arena != nil {
		m.arena.MarkClosed()
	}
	m.dismiss()
	err := m.child.Shutdown(ctx)
	return errors.Join(m.fail("shutdown", "", err), m.detach(ctx))
}

// Close detaches this process: what it waits for ends with ErrClosed, what it held is
// as if it had died. Where this process started the coordinator, that stops too, and
// with it the manager, for everybody. It takes no longer than Options.Timeout, also where
// the coordinator, or a process that holds the arena's lock, is stopped. A second Close is
// ErrClosed.
func (m *Manager) Close() error {
	if m == nil {
		return errNilManager("close")
	}
	if m.own != nil {
		return m.fail("close", "", fmt.Errorf("a coordinator's own manager goes with the coordinator: %w", ErrNotOwner))
	}
	ctx, cancel := context.WithTimeout(context.Background(), m.opts.Timeout)
	defer cancel()
	return m.detach(ctx)
}

// detach is Close for who owns the manager. What does not end by itself before ctx does is
// ended.
func (m *Manager) detach(ctx context.Context) error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return m.fail("close", "", ErrClosed)
	}
	m.closed = true
	client := m.client
	m.mu.Unlock()
	m.cancel(ErrClosed)
	unregister(m)
	if m.child != nil {
		if m.arena != nil {
			m.arena.MarkClosed()
		}
		m.dismiss()
	}
	var err error
	if client != nil { // before the coordinator goes: whoever waits for it is told that the manager is closed
		err = client.Close()
	}
	if m.child != nil {
		m.child.Stop(ctx)
	}
	if m.arena != nil {
		err = errors.Join(err, m.arena.Close(ctx))
	}
	return m.fail("close", "", err)
}

// starter names the process with which the manager goes: workers of workers watch the
// same one.
func (m *Manager) starter() uint32 {
	switch {
	case m.root != 0:
		return m.root
	case m.child != nil:
		return uint32(m.arena.Self())
	}
	return 0 // the coordinator was started on its own
}

// admit says why a constructor cannot have anything of the manager.
func (m *Manager) admit(op string) error {
	if err := m.check(op); err != nil || m.arena == nil {
		return err
	}
	return m.over(op)
}

// check answers what every method asks first.
func (m *Manager) check(op string) error {
	if m == nil {
		return errNilManager(op)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return opError(op, "", "", fmt.Errorf("the manager: %w", ErrClosed))
	}
	return nil
}

func (m *Manager) fail(op, name string, err error) error { return opError(op, "", name, err) }

func errNilManager(op string) error {
	return opError(op, "", "", fmt.Errorf("%w: the manager is nil", ErrClosed))
}

// managers of this process, by the id of their arena: a handle that arrives names it.
var managers struct {
	sync.Mutex
	byID map[[16]byte][]*Manager
}

// register gives m the id of its arena and has handles that name it find m.
func register(m *Manager, id [16]byte) {
	managers.Lock()
	defer managers.Unlock()
	m.id = id
	if managers.byID == nil {
		managers.byID = make(map[[16]byte][]*Manager)
	}
	all := managers.byID[m.id]
	at := len(all)
	if at > 0 && all[at-1].own != nil { // in the coordinator's process a client comes before it
		at--
	}
	managers.byID[m.id] = slices.Insert(all, at, m)
}

func unregister(m *Manager) {
	managers.Lock()
	defer managers.Unlock()
	left := slices.DeleteFunc(managers.byID[m.id], func(o *Manager) bool { return o == m })
	if managers.byID[m.id] = left; len(left) == 0 {
		delete(managers.byID, m.id)
	}
}

// ident is the arena's id, which changes with the coordinator where the arena is not mapped.
func (m *Manager) ident() []byte {
	managers.Lock()
	defer managers.Unlock()
	id := m.id
	return id[:]
}

func managerByID(id []byte) (*Manager, error) {
	managers.Lock()
	defer managers.Unlock()
	if len(id) == 16 {
		if m := managers.byID[[16]byte(id)]; len(m) > 0 {
			return m[0], nil
		}
	}
	return nil, fmt.Errorf("a handle of manager %s, to which this process is not attached: %w", hex.EncodeToString(id), ErrNotFound)
}

func closeAll[C io.Closer](list []C) {
	for _, c := range list {
		_ = c.Close()
	}
}

// forgetArena leaves the arena to the coordinator that child is.
func forgetArena(ctx context.Context, opts Options, key []byte, child *spawn.Coordinator, arena *shm.Arena) (*Manager, error) {
	m := newManager(opts, child.Addr(), key, nil)
	m.child, m.bound = child, true
	register(m, arena.ID())
	err := arena.Close(ctx)
	if err == nil {
		_, err = m.dial(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// employ remembers a worker until it is gone, dismiss tells all that the manager is.
func (m *Manager) employ(p *Process) {
	m.employed.mu.Lock()
	defer m.employed.mu.Unlock()
	if m.employed.workers == nil {
		m.employed.workers = make(map[*Process]struct{})
	}
	maps.DeleteFunc(m.employed.workers, func(p *Process, _ struct{}) bool {
		select {
		case <-p.w.Done():
			return true
		default:
			return false
		}
	})
	m.employed.workers[p] = struct{}{}
}

func (m *Manager) dismiss() {
	m.employed.mu.Lock()
	workers := slices.Collect(maps.Keys(m.employed.workers))
	m.employed.mu.Unlock()
	for _, p := range workers {
		p.w.Dismiss()
	}
}
