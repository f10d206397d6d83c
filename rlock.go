package carom

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/shm"
)

// RLock is a lock that its holder may acquire again. Who holds it is carried by the
// context that Lock returns: with that context, or one made from it, Lock and Do succeed
// at once, and as many Unlocks release it. A process's death is as for Lock; only a
// holder may unlock.
type RLock struct {
	word atomic.Pointer[futex.Mutex] // nil once closed
	d    *futex.Domain
	mode futex.Mode
	h    *handle
}

// hold is one acquisition of an RLock, shared by all contexts made from it.
type hold struct {
	fence uint64

	mu    sync.Mutex
	depth int // 0: released
}

// holdKey finds the hold of an object in a context: by the object, or by its manager and
// name, where the memory is not mapped.
type holdKey struct {
	obj  *shm.Object
	m    *Manager
	name string
}

func (l *RLock) key() holdKey {
	if l.h.r != nil {
		return holdKey{m: l.h.m, name: l.h.name}
	}
	return holdKey{obj: l.h.obj.Object}
}

// NewRLock makes sure that there is a re-entrant lock called name, and attaches to it.
// "" asks for a name of its own. Options: AutoRecover, Exclusive. Errors: as NewLock's.
func NewRLock(m *Manager, name string, opts ...Option) (*RLock, error) {
	l := new(RLock)
	return opened(l, l.open(m, "new", name, opts))
}

// OpenRLock attaches to the re-entrant lock called name. ErrNotFound: there is none.
func OpenRLock(m *Manager, name string) (*RLock, error) {
	l := new(RLock)
	return opened(l, l.open(m, "open", name, nil))
}

func (l *RLock) open(m *Manager, op, name string, opts []Option) error {
	h := &handle{kind: shm.RLock, name: name}
	o, err := readOptions(shm.RLock, opts)
	if err != nil {
		return h.wrap(op, err)
	}
	if m.isRemote() {
		l.h, err = openRemoteHandle(m, op, shm.RLock, name, "", o.exclusive, lockParams(o))
		return err
	}
	spec := shm.Spec{Name: name, Kind: shm.RLock, Payload: shm.LockPayload, Exclusive: o.exclusive, OpenOnly: op == "open",
		Any: op == "open", Describe: describeLock}
	if o.autoRecover {
		spec.Flags = lockAutoRecover
	}
	if h, _, err = openHandle(m, op, spec); err != nil {
		return err
	}
	l.h, l.d = h, h.obj.Domain()
	if h.obj.Flags&lockAutoRecover != 0 {
		l.mode = futex.TakeOver
	}
	l.word.Store(shm.LockOf(h.obj.Object))
	h.bind(func() { l.word.Store(nil) })
	return nil
}

// mutex is where the lock is; nil without an error where that is at the coordinator.
func (l *RLock) mutex(op string) (*futex.Mutex, error) {
	if l == nil {
		return nil, (*handle)(nil).away(shm.RLock, op)
	}
	if m := l.word.Load(); m != nil {
		return m, nil
	}
	return nil, l.h.away(shm.RLock, op)
}

// holdIn is the hold that ctx carries, if it is still good: not released, and the lock
// not taken by anybody since.
func (l *RLock) holdIn(ctx context.Context, m *futex.Mutex) *hold {
	k, _ := ctx.Value(l.key()).(*hold)
	if k == nil {
		return nil
	}
	if owner, _ := m.Holder(); owner != l.d.Self() || m.Fence() != k.fence {
		return nil
	}
	return k
}

// Lock acquires the lock, once more if ctx carries it, and waits for it until ctx ends.
// The context that it returns carries the lock; where there is an error, it is ctx.
// Errors: ErrOwnerDied, ErrClosed, the context's.
func (l *RLock) Lock(ctx context.Context) (context.Context, error) {
	return l.acquire(ctx, "lock", "lock", func(m *futex.Mutex) error {
		_, err := m.Lock(ctx, l.d, l.mode)
		return err
	})
}

// TryLock is Lock without waiting: ErrLocked if somebody else holds the lock.
func (l *RLock) TryLock(ctx context.Context) (context.Context, error) {
	return l.acquire(ctx, "try lock", "trylock", func(m *futex.Mutex) error {
		_, err := m.TryLock(l.d, l.mode)
		return err
	})
}

// Recover is Lock that succeeds also when the last owner died.
func (l *RLock) Recover(ctx context.Context) (context.Context, error) {
	return l.acquire(ctx, "recover", "recover", func(m *futex.Mutex) error {
		_, err := m.Lock(ctx, l.d, futex.TakeOver)
		return err
	})
}

// acquire calls lock, or method where the lock is at the coordinator.
func (l *RLock) acquire(ctx context.Context, op, method string, lock func(*futex.Mutex) error) (context.Context, error) {
	m, err := l.mutex(op)
	if err != nil {
		return ctx, err
	}
	if m == nil {
		return l.acquireRemote(ctx, op, method)
	}
	if k := l.holdIn(ctx, m); k != nil && k.again() {
		return ctx, nil
	}
	if err := lock(m); err != nil {
		return ctx, l.h.wrap(op, err)
	}
	l.h.obj.Acquire()
	return context.WithValue(ctx, l.key(), &hold{fence: m.Fence(), depth: 1}), nil
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

// Unlock undoes one Lock; the last releases the lock. It also clears the state that a
// dead owner left. Errors: ErrNotOwner if ctx does
// not carry the lock but somebody holds it, ErrNotLocked if nobody does, ErrClosed.
func (l *RLock) Unlock(ctx context.Context) error {
	m, err := l.mutex("unlock")
	if err != nil {
		return err
	}
	if m == nil {
		return l.unlockRemote(ctx)
	}
	k := l.holdIn(ctx, m)
	if k == nil {
		switch owner, died := m.Holder(); {
		case died:
			return l.h.wrap("unlock", m.Unlock(l.d)) // nobody holds it; this clears the state
		case owner == 0:
			return l.h.wrap("unlock", ErrNotLocked)
		}
		return l.h.wrap("unlock", fmt.Errorf("the context does not carry the lock: %w", ErrNotOwner))
	}
	return l.h.wrap("unlock", k.undo(func() error {
		l.h.obj.Release()
		return m.Unlock(l.d)
	}))
}

// Do runs f with the lock held, and a context that carries it. It unlocks also when f
// panics.
func (l *RLock) Do(ctx context.Context, f func(ctx context.Context) error) error {
	held, err := l.Lock(ctx)
	if err != nil {
		return err
	}
	defer l.Unlock(held)
	return f(held)
}

// Name is the name by which other processes open the lock.
func (l *RLock) Name() string {
	if l == nil {
		return ""
	}
	return l.h.nameOf()
}

// Err is ErrClosed once the handle is closed.
func (l *RLock) Err() error {
	_, err := l.mutex("use")
	return err
}

// Close detaches this handle. It does not unlock.
func (l *RLock) Close() error {
	if _, err := l.mutex("close"); err != nil {
		return err
	}
	return l.h.close(shm.RLock)
}

// MarshalCBOR encodes the handle: its manager, kind and name.
func (l *RLock) MarshalCBOR() ([]byte, error) {
	if l == nil {
		return cborNull, nil
	}
	return marshalHandle(l.h)
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (l *RLock) UnmarshalCBOR(b []byte) error {
	m, name, err := unmarshalHandle(b, shm.RLock)
	if err != nil {
		return err
	}
	return l.open(m, "open", name, nil)
}
