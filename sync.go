package carom

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"weak"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/shm"
)

// Lock is a mutual exclusion lock between processes. It is held by a process, not by
// a goroutine: any goroutine, and any other process, may unlock it.
//
// No process ever waits for a dead owner. If the process that holds the lock dies, Lock
// returns ErrOwnerDied, without the lock, in all processes that wait for it or come later,
// until one of them calls Recover and repairs what the lock guards, or Unlock. With the option
// AutoRecover, the next Lock succeeds.
//
// Close does not unlock. A Close that overlaps with Lock or Unlock of the same handle is the
// program's own race, as they may be one instruction each: it may or may not find the lock
// acquired.
type Lock struct{ mutex }

// mutex is what locks of both kinds are.
type mutex struct {
	base[futex.Mutex]
	d    *futex.Domain // names this process in the word
	mode futex.Mode
}

const lockAutoRecover = 1 // flag of the entry

// NewLock makes sure that there is a lock called name, and attaches to it. "" asks for
// a name of its own. Errors: ErrType if the name belongs to something else, ErrExists
// with the option Exclusive, ErrNoMemory.
func NewLock(m *Manager, name string, opts ...Option) (*Lock, error) {
	l := new(Lock)
	return opened(l, l.open(m, "new", shm.Lock, name, opts))
}

// OpenLock attaches to the lock called name. ErrNotFound: there is none.
func OpenLock(m *Manager, name string) (*Lock, error) {
	l := new(Lock)
	return opened(l, l.reopen(m, name))
}

func (l *Lock) reopen(m *Manager, name string) error { return l.open(m, "open", shm.Lock, name, nil) }

func (l *mutex) open(m *Manager, op string, kind shm.Kind, name string, opts []Option) error {
	o, err := readOptions(kind.String(), opts)
	if err != nil {
		return opError(op, kind.String(), name, err)
	}
	w := wanted{op: op, spec: shm.Spec{Name: name, Kind: kind, Payload: shm.LockPayload, Exclusive: o.exclusive, Any: op == "open",
		Describe: func(_ uint64, flags uint32) string { return fmt.Sprintf("auto recover %t", flags&lockAutoRecover != 0) }}}
	if o.autoRecover {
		w.spec.Flags = lockAutoRecover
	}
	if isServed(m) {
		w.params = coord.AppendBool(coord.AppendArray(nil, 1), o.autoRecover)
	}
	h, err := openShared(m, w)
	if err == nil {
		l.take(h)
	}
	return err
}

// take makes l the lock that h is, or that is part of what h is.
func (l *mutex) take(h *handle) {
	if l.h = h; h.obj == nil {
		return
	}
	l.d = h.m.arena.Domain()
	if !h.part && h.obj.Flags&lockAutoRecover != 0 {
		l.mode = futex.TakeOver
	}
	l.local.Store(shm.LockOf(h.obj.Object))
	forget := func() { l.local.Store(nil) }
	if h.part { // the handle must not keep what is collected: see ownLocks
		weakly := weak.Make(l)
		forget = func() {
			if l := weakly.Value(); l != nil {
				l.local.Store(nil)
			}
		}
	}
	h.obj.Bind(forget, nil)
}

// ownLocks are the locks that Lock of a value or an array gave out, each a handle of its own
// on the lock inside. They go with the value's handle, or when nobody has them any more.
type ownLocks struct {
	mu     sync.Mutex
	open   map[*handle]struct{}
	closed *handle // the value's, once it is being closed
}

// of returns a handle on the lock inside what h is.
func (o *ownLocks) of(h *handle) *Lock {
	l := new(Lock)
	if h == nil {
		return l
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed == h {
		l.h = h.closedPart()
		return l
	}
	part, err := h.again()
	if err != nil {
		l.h = h.closedPart()
		return l
	}
	l.take(part)
	if o.open == nil {
		o.open = make(map[*handle]struct{})
	}
	o.open[part] = struct{}{}
	runtime.AddCleanup(l, o.forget, part)
	return l
}

// forget closes a lock that nobody has any more.
func (o *ownLocks) forget(part *handle) {
	o.mu.Lock()
	_, open := o.open[part]
	delete(o.open, part)
	o.mu.Unlock()
	if open {
		go part.close() // which may take a round trip; ErrClosed if the user did
	}
}

// drain returns all that there are, for the Close of h, of which there will be no more.
func (o *ownLocks) drain(h *handle) []*handle {
	o.mu.Lock()
	defer o.mu.Unlock()
	open := slices.Collect(maps.Keys(o.open))
	o.open, o.closed = nil, h
	return open
}

// Lock acquires the lock, and waits for it until ctx ends. Errors: ErrOwnerDied,
// ErrClosed, the context's; the lock is not acquired then.
func (l *Lock) Lock(ctx context.Context) error {
	if !shm.Race {
		if m := l.local.Load(); m != nil && m.TryOwn(l.d) {
			return nil
		}
	}
	return l.lockSlow(ctx)
}

func (l *Lock) lockSlow(ctx context.Context) error { return l.acquire(ctx, "lock", l.mode) }

// TryLock is Lock without waiting: ErrLocked if a process holds it, or if it was just given
// back for a goroutine that has waited for long.
func (l *Lock) TryLock() error {
	const op = "try lock"
	m, err := l.use(op)
	if err != nil {
		return err
	}
	if m == nil {
		return l.h.tell(op, "trylock", nil)
	}
	defer l.leave()
	if _, err := m.TryLock(l.d, l.mode); err != nil {
		return l.h.fail(op, err)
	}
	l.h.observe()
	return nil
}

// Recover is Lock for a caller that is ready to repair what the lock guards: it succeeds
// also when the last owner died.
func (l *Lock) Recover(ctx context.Context) error { return l.acquire(ctx, "recover", futex.TakeOver) }

// acquire is Lock and Recover, whose names are also those of the coordinator's methods.
func (l *Lock) acquire(ctx context.Context, op string, mode futex.Mode) error {
	m, err := l.use(op)
	if err != nil {
		return err
	}
	if m == nil {
		return l.h.ask(ctx, op, op, nil)
	}
	defer l.leave()
	if _, err := m.Lock(ctx, l.h.obj.Domain(), mode); err != nil {
		return l.h.fail(op, err)
	}
	l.h.observe()
	return nil
}

// Unlock releases the lock, also if another process holds it, and clears the state of a dead
// owner. ErrNotLocked: it is free.
func (l *Lock) Unlock() error {
	if !shm.Race {
		if m := l.local.Load(); m != nil && m.TryDisown(l.d) {
			return nil
		}
	}
	return l.unlockSlow()
}

func (l *Lock) unlockSlow() error {
	const op = "unlock"
	m, err := l.use(op)
	if err != nil {
		return err
	}
	if m == nil {
		return l.h.tell(op, "unlock", nil)
	}
	defer l.leave()
	l.h.publish()
	return l.h.fail(op, m.Unlock(l.d))
}

// Do runs f with the lock held, and unlocks also when f panics, and when the handle is closed
// meanwhile; not if this process no longer holds the lock then. Errors: f's, and those of Lock.
func (l *Lock) Do(ctx context.Context, f func() error) error {
	const op = "do"
	m, err := l.use(op)
	if err != nil {
		return err
	}
	if m == nil {
		return l.doRemote(ctx, op, f)
	}
	defer l.leave()
	if _, err := m.Lock(ctx, l.h.obj.Domain(), l.mode); err != nil {
		return l.h.fail(op, err)
	}
	l.h.observe()
	defer func() {
		l.h.publish()
		if owner, _ := m.Holder(); owner == l.d.Self() { // else f, or another process, unlocked it
			_ = m.Unlock(l.d)
		}
	}()
	return f()
}

func (l *Lock) doRemote(ctx context.Context, op string, f func() error) error {
	ctx, done, err := l.h.stay(ctx, op)
	if err != nil {
		return err
	}
	defer done()
	var fence uint64
	if err := l.h.ask(ctx, op, "lock", intoUint(&fence)); err != nil {
		return err
	}
	defer func() { _ = l.h.tell(op, "unlock", nil, fence) }() // fails if f, or another process, unlocked it
	return f()
}

// Fence is the number of acquisitions so far. It grows with each: a program that guards
// something which the lock cannot reach compares it to refuse a late owner.
func (l *Lock) Fence() (fence uint64) {
	const op = "fence"
	m, err := l.use(op)
	switch {
	case err != nil:
		return 0
	case m == nil:
		_ = l.h.look(op, "fence", intoUint(&fence))
		return fence
	}
	defer l.leave()
	return m.Fence()
}

// Locker is the lock as a sync.Locker. Its Lock waits for as long as it takes, and
// panics where Lock.Lock has an error; Unlock likewise.
func (l *Lock) Locker() sync.Locker { return locker{l} }

type locker struct{ l *Lock }

func (k locker) Lock() {
	if err := k.l.Lock(context.Background()); err != nil {
		panic(err)
	}
}

func (k locker) Unlock() {
	if err := k.l.Unlock(); err != nil {
		panic(err)
	}
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (l *Lock) UnmarshalCBOR(b []byte) error { return l.attach(b, "Lock", l.reopen) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (l *Lock) UnmarshalJSON(b []byte) error { return l.attach(b, "Lock", l.reopen) }

// RLock is a lock that its holder may acquire again. The context that Lock returns carries
// the lock: with that context, or one made from it, Lock and Do succeed
// at once, and as many Unlocks release it. A process's death is as for Lock; only a
// holder may unlock. Close does not unlock.
type RLock struct{ mutex }

// hold is one acquisition of an RLock, shared by all contexts made from it.
type hold struct {
	fence uint64

	mu    sync.Mutex
	depth int // 0: released
}

// holdKey finds the hold of an object in a context, by what tells the object from all others,
// also from those that have had its name: its arena and serial, or, where the memory is not
// mapped, its manager and identity.
type holdKey struct {
	arena    *shm.Arena
	serial   uint64
	m        *Manager
	identity coord.Identity
}

func (l *RLock) key() holdKey {
	if l.h.obj == nil {
		return holdKey{m: l.h.m, identity: l.h.r.object()}
	}
	return holdKey{arena: l.h.obj.Arena(), serial: l.h.obj.Serial}
}

// NewRLock makes sure that there is a re-entrant lock called name, and attaches to it.
// "" asks for a name of its own. Options: AutoRecover, Exclusive. Errors: as NewLock's.
func NewRLock(m *Manager, name string, opts ...Option) (*RLock, error) {
	l := new(RLock)
	return opened(l, l.open(m, "new", shm.RLock, name, opts))
}

// OpenRLock attaches to the re-entrant lock called name. ErrNotFound: there is none.
func OpenRLock(m *Manager, name string) (*RLock, error) {
	l := new(RLock)
	return opened(l, l.reopen(m, name))
}

func (l *RLock) reopen(m *Manager, name string) error { return l.open(m, "open", shm.RLock, name, nil) }

// holdIn is the hold that ctx carries, if it is still good: not released, and the lock
// not taken by anybody since. m is nil where the coordinator knows.
func (l *RLock) holdIn(ctx context.Context, op string, m *futex.Mutex) (*hold, error) {
	k, _ := ctx.Value(l.key()).(*hold)
	if k == nil {
		return nil, nil
	}
	var mine bool
	var fence uint64
	if m != nil {
		owner, _ := m.Holder()
		mine, fence = owner == l.d.Self(), m.Fence()
	} else if err := l.h.tell(op, "holder", func(in *coord.Reader) error {
		in.Args(2)
		mine, fence = in.Bool(), in.Uint()
		return nil
	}); err != nil {
		return nil, err
	}
	if !mine || fence != k.fence {
		return nil, nil
	}
	return k, nil
}

// Lock acquires the lock, once more if ctx carries it, and waits for it until ctx ends.
// The context that it returns carries the lock; where there is an error, it is ctx.
// Errors: ErrOwnerDied, ErrClosed, the context's.
func (l *RLock) Lock(ctx context.Context) (context.Context, error) {
	return l.acquire(ctx, "lock", l.mode, true)
}

// TryLock is Lock without waiting: ErrLocked if somebody else holds the lock.
func (l *RLock) TryLock(ctx context.Context) (context.Context, error) {
	return l.acquire(ctx, "try lock", l.mode, false)
}

// Recover is Lock that succeeds also when the last owner died.
func (l *RLock) Recover(ctx context.Context) (context.Context, error) {
	return l.acquire(ctx, "recover", futex.TakeOver, true)
}

func (l *RLock) acquire(ctx context.Context, op string, mode futex.Mode, wait bool) (context.Context, error) {
	m, err := l.use(op)
	if err != nil {
		return ctx, err
	}
	if m != nil {
		defer l.leave()
	}
	return l.acquireIn(ctx, ctx, op, m, mode, wait)
}

// acquireIn is acquire within a call. It waits until the second context ends.
func (l *RLock) acquireIn(ctx, until context.Context, op string, m *futex.Mutex, mode futex.Mode, wait bool) (context.Context, error) {
	k, err := l.holdIn(ctx, op, m)
	if err != nil {
		return ctx, err
	}
	if k != nil && k.again() {
		return ctx, nil
	}
	var fence uint64
	switch {
	case m == nil && wait:
		method := "lock"
		if mode == futex.TakeOver {
			method = "recover"
		}
		err = l.h.ask(until, op, method, intoUint(&fence))
	case m == nil:
		err = l.h.tell(op, "trylock", intoUint(&fence))
	case wait:
		_, err = m.Lock(until, l.h.obj.Domain(), mode)
	default:
		_, err = m.TryLock(l.d, mode)
	}
	if err != nil {
		return ctx, l.h.fail(op, err)
	}
	if m != nil {
		l.h.observe()
		fence = m.Fence()
	}
	return context.WithValue(ctx, l.key(), &hold{fence: fence, depth: 1}), nil
}

func (k *hold) again() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.depth == 0 {
		return false
	}
	k.depth++
	return true
}

// undo takes one Lock back, and with the first the lock itself.
func (k *hold) undo(unlock func() error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch k.depth {
	case 0:
		return ErrNotOwner
	case 1:
		if err := unlock(); err != nil {
			return err
		}
	}
	k.depth--
	return nil
}

// noFence is no acquisition's: unlocking by it only clears the state of a dead owner.
const noFence = 0

// Unlock undoes one Lock; the last releases the lock. It also clears the state that a
// dead owner left. Errors: ErrNotOwner if ctx does
// not carry the lock but somebody holds it, ErrNotLocked if nobody does, ErrClosed.
func (l *RLock) Unlock(ctx context.Context) error {
	const op = "unlock"
	m, err := l.use(op)
	if err != nil {
		return err
	}
	if m != nil {
		defer l.leave()
	}
	return l.unlockIn(ctx, op, m)
}

// unlockIn is Unlock within a call.
func (l *RLock) unlockIn(ctx context.Context, op string, m *futex.Mutex) error {
	k, err := l.holdIn(ctx, op, m)
	switch {
	case err != nil:
		return err
	case m == nil && k == nil:
		return l.h.tell(op, "unlock", nil, uint64(noFence))
	case m == nil:
		return l.h.fail(op, k.undo(func() error { return l.h.tell(op, "unlock", nil, k.fence) }))
	case k == nil:
		return l.h.fail(op, l.unlockUnheld(m))
	}
	return l.h.fail(op, k.undo(func() error {
		l.h.publish()
		return m.Unlock(l.d)
	}))
}

// unlockUnheld is Unlock by one who does not hold the lock.
func (l *RLock) unlockUnheld(m *futex.Mutex) error {
	switch owner, died := m.Holder(); {
	case died:
		return m.Unlock(l.d) // nobody holds it; this clears the state
	case owner == 0:
		return ErrNotLocked
	}
	return fmt.Errorf("the context does not carry the lock: %w", ErrNotOwner)
}

// Do runs f with the lock held, and a context that carries it. It unlocks also when f
// panics, and when the handle is closed meanwhile. Errors: f's, and those of Lock.
func (l *RLock) Do(ctx context.Context, f func(ctx context.Context) error) error {
	const op = "do"
	m, err := l.use(op)
	if err != nil {
		return err
	}
	until := ctx
	if m != nil {
		defer l.leave()
	} else {
		var done func()
		if until, done, err = l.h.stay(ctx, op); err != nil {
			return err
		}
		defer done()
	}
	held, err := l.acquireIn(ctx, until, op, m, l.mode, true)
	if err != nil {
		return err
	}
	defer func() { _ = l.unlockIn(held, op, m) }() // fails if f unlocked it
	return f(held)
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (l *RLock) UnmarshalCBOR(b []byte) error { return l.attach(b, "RLock", l.reopen) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (l *RLock) UnmarshalJSON(b []byte) error { return l.attach(b, "RLock", l.reopen) }
