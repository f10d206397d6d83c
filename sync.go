package carom

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/shm"
)

// Lock is a mutual exclusion lock between processes. It is held by a process, not by
// a goroutine: any goroutine, and any other process, may unlock it.
//
// Nobody ever waits for a dead owner. If the process that holds the lock dies, Lock
// answers ErrOwnerDied, without the lock, to those who wait and to all who come, until
// somebody calls Recover and repairs what the lock guards, or Unlock. With the option
// AutoRecover, the next Lock succeeds.
type Lock struct {
	word atomic.Pointer[futex.Mutex] // nil once closed
	d    *futex.Domain
	mode futex.Mode
	h    *handle
	// A lock that is part of a value or an array has that one's handle.
}

const lockAutoRecover = 1 // flag of the entry

// NewLock makes sure that there is a lock called name, and attaches to it. "" asks for
// a name of its own. Errors: ErrType if the name belongs to something else, ErrExists
// with the option Exclusive, ErrNoMemory.
func NewLock(m *Manager, name string, opts ...Option) (*Lock, error) {
	l := new(Lock)
	return opened(l, l.open(m, "new", name, opts))
}

// OpenLock attaches to the lock called name. ErrNotFound: there is none.
func OpenLock(m *Manager, name string) (*Lock, error) {
	l := new(Lock)
	return opened(l, l.open(m, "open", name, nil))
}

func (l *Lock) open(m *Manager, op, name string, opts []Option) error {
	o, err := readOptions(shm.Lock, opts)
	if err != nil {
		return (&handle{kind: shm.Lock, name: name}).wrap(op, err)
	}
	spec := shm.Spec{Name: name, Kind: shm.Lock, Payload: shm.LockPayload, Exclusive: o.exclusive, OpenOnly: op == "open",
		Any: op == "open", Describe: describeLock}
	if o.autoRecover {
		spec.Flags = lockAutoRecover
	}
	if m.isRemote() {
		l.h, err = openRemoteHandle(m, op, shm.Lock, name, "", o.exclusive, lockParams(o))
		return err
	}
	h, _, err := openHandle(m, op, spec)
	if err != nil {
		return err
	}
	l.h, l.d = h, m.arena.Domain()
	if h.obj.Flags&lockAutoRecover != 0 {
		l.mode = futex.TakeOver
	}
	l.word.Store(shm.LockOf(h.obj.Object))
	h.bind(func() { l.word.Store(nil) })
	return nil
}

func describeLock(_ uint64, flags uint32) string {
	return fmt.Sprintf("auto recover %t", flags&lockAutoRecover != 0)
}

// ownLock is the lock inside a value or an array.
func ownLock(h *handle) *Lock {
	if h == nil || h.r != nil || h.gone(h.kind, "lock") != nil {
		return &Lock{h: h}
	}
	l := &Lock{h: h, d: h.m.arena.Domain()}
	l.word.Store(shm.LockOf(h.obj.Object))
	return l
}

// Lock acquires the lock, and waits for it until ctx ends. Errors: ErrOwnerDied,
// ErrClosed, the context's; the lock is not acquired then.
func (l *Lock) Lock(ctx context.Context) error {
	if l != nil && !shm.Race {
		if m := l.word.Load(); m != nil && m.TryOwn(l.d) {
			return nil
		}
	}
	return l.lockSlow(ctx)
}

func (l *Lock) lockSlow(ctx context.Context) error {
	m, err := l.mutex("lock")
	if err != nil {
		return err
	}
	if m == nil {
		return l.h.ask(ctx, "lock", "lock", nil)
	}
	if _, err := m.Lock(ctx, l.d, l.mode); err != nil {
		return l.h.wrap("lock", err)
	}
	l.h.obj.Acquire()
	return nil
}

// TryLock is Lock without waiting: ErrLocked if somebody holds it, or if it was just given
// back to one who has waited for long.
func (l *Lock) TryLock() error {
	m, err := l.mutex("try lock")
	if err != nil {
		return err
	}
	if m == nil {
		return l.h.tell("try lock", "trylock", nil)
	}
	if _, err := m.TryLock(l.d, l.mode); err != nil {
		return l.h.wrap("try lock", err)
	}
	l.h.obj.Acquire()
	return nil
}

// Recover is Lock for those who are ready to repair what the lock guards: it succeeds
// also when the last owner died.
func (l *Lock) Recover(ctx context.Context) error {
	m, err := l.mutex("recover")
	if err != nil {
		return err
	}
	if m == nil {
		return l.h.ask(ctx, "recover", "recover", nil)
	}
	if _, err := m.Lock(ctx, l.d, futex.TakeOver); err != nil {
		return l.h.wrap("recover", err)
	}
	l.h.obj.Acquire()
	return nil
}

// Unlock releases the lock, whoever holds it, and clears the state of a dead owner.
// ErrNotLocked: nobody holds it.
func (l *Lock) Unlock() error {
	if l != nil && !shm.Race {
		if m := l.word.Load(); m != nil && m.TryDisown(l.d) {
			return nil
		}
	}
	return l.unlockSlow()
}

func (l *Lock) unlockSlow() error {
	m, err := l.mutex("unlock")
	if err != nil {
		return err
	}
	if m == nil {
		return l.h.tell("unlock", "unlock", nil)
	}
	l.h.obj.Release()
	return l.h.wrap("unlock", m.Unlock(l.d))
}

// Do runs f with the lock held, and unlocks also when f panics.
func (l *Lock) Do(ctx context.Context, f func() error) error {
	if err := l.Lock(ctx); err != nil {
		return err
	}
	defer l.Unlock()
	return f()
}

// Fence is the number of acquisitions so far. It grows with each: whoever guards
// something that the lock cannot reach compares it to refuse a late owner.
func (l *Lock) Fence() uint64 {
	m, err := l.mutex("fence")
	if err != nil {
		return 0
	}
	if m == nil {
		return l.fenceRemote()
	}
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

// mutex is where the lock is; nil without an error where that is at the coordinator.
func (l *Lock) mutex(op string) (*futex.Mutex, error) {
	if l != nil {
		if m := l.word.Load(); m != nil {
			return m, nil
		}
	}
	return nil, l.away(op)
}

func (l *Lock) away(op string) error {
	if l == nil || l.h == nil {
		return (*handle)(nil).away(shm.Lock, op)
	}
	return l.h.away(l.h.kind, op)
}

// Name is the name by which other processes open the lock; of a lock that belongs to
// a value or an array, that one's.
func (l *Lock) Name() string {
	if l == nil {
		return ""
	}
	return l.h.nameOf()
}

// Err says why the last Fence was 0 though the lock was acquired: ErrClosed; on a remote
// handle also what the round trip failed with; or nil.
func (l *Lock) Err() error {
	m, err := l.mutex("use")
	if m == nil && err == nil {
		return l.h.lastErr()
	}
	return err
}

// Close detaches this handle. It does not unlock.
func (l *Lock) Close() error {
	if l == nil {
		return l.away("close")
	}
	return l.h.close(shm.Lock)
}

// MarshalCBOR encodes the handle: its manager, kind and name.
func (l *Lock) MarshalCBOR() ([]byte, error) {
	if l == nil {
		return cborNull, nil
	}
	return marshalHandle(l.h)
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (l *Lock) UnmarshalCBOR(b []byte) error {
	m, name, err := unmarshalHandle(b, shm.Lock)
	if err != nil {
		return err
	}
	return l.open(m, "open", name, nil)
}
