package carom

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/carom-ipc/carom/shm"
)

// Condition lets processes wait, with a lock held, until another says that something
// has changed. Who was notified has waited longest, and nobody wakes without having been
// notified. A notification that a dying process was given goes to the next.
type Condition struct {
	list atomic.Pointer[shm.Waiters] // nil once closed
	lock *Lock
	own  bool
	h    *handle
}

// NewCondition makes sure that there is a condition called name, and attaches to it. ""
// asks for a name of its own. lock is the lock to hold, the same in all processes; nil is
// one that belongs to the condition. Errors: ErrType if the name belongs to something
// else or to a condition with another lock, ErrNoMemory, ErrClosed for a closed lock.
func NewCondition(m *Manager, name string, lock *Lock, opts ...Option) (*Condition, error) {
	c := new(Condition)
	return opened(c, c.open(m, "new", name, lock, opts))
}

// OpenCondition attaches to the condition called name, whose lock it finds. ErrNotFound:
// there is none.
func OpenCondition(m *Manager, name string) (*Condition, error) {
	c := new(Condition)
	return opened(c, c.open(m, "open", name, nil, nil))
}

func (c *Condition) open(m *Manager, op, name string, lock *Lock, opts []Option) error {
	h := &handle{kind: shm.Condition, name: name}
	o, err := readOptions(shm.Condition, opts)
	var inner *shm.Object
	if err == nil && lock != nil {
		if _, err = lock.mutex("use"); err == nil {
			if lock.h.obj != nil {
				inner = lock.h.obj.Object
			}
			if m != nil && (lock.h.m.arena != m.arena || inner == nil && lock.h.m != m) {
				err = fmt.Errorf("the lock %q is another manager's: %w", lock.Name(), ErrType)
			}
		}
	}
	if err != nil {
		return h.wrap(op, err)
	}
	if m.isRemote() {
		return c.openRemote(m, op, name, lock, o)
	}
	spec := shm.ConditionSpec(name, inner)
	spec.Exclusive, spec.OpenOnly, spec.Any = o.exclusive, op == "open", op == "open"
	if h, _, err = openHandle(m, op, spec); err != nil {
		return err
	}
	c.h, c.lock = h, lock
	if lock == nil {
		if c.lock, err = c.findLock(m); err != nil {
			return errors.Join(h.wrap(op, err), h.close(shm.Condition))
		}
	}
	c.list.Store(shm.WaitersOf(h.obj))
	h.bind(func() { c.list.Store(nil) })
	return nil
}

// findLock is the condition's own lock, or the one that its creator gave it.
func (c *Condition) findLock(m *Manager) (*Lock, error) {
	if c.h.obj.Param == 0 {
		c.own = true
		return ownLock(c.h), nil
	}
	ctx, cancel := constructorContext(m)
	defer cancel()
	name, err := m.arena.NameAt(ctx, uint32(c.h.obj.Param-1))
	if err != nil {
		return nil, fmt.Errorf("its lock: %w", err)
	}
	c.own = true // this handle of it
	return OpenLock(m, name)
}

// use is where the condition is; nil without an error where that is at the coordinator.
func (c *Condition) use(op string) (*shm.Waiters, error) {
	if c == nil {
		return nil, (*handle)(nil).away(shm.Condition, op)
	}
	if l := c.list.Load(); l != nil {
		return l, nil
	}
	return nil, c.h.away(shm.Condition, op)
}

// held says whether this process holds the lock: ErrNotLocked if nobody does,
// ErrNotOwner if another process does, ErrOwnerDied.
func (c *Condition) held() error {
	m, err := c.lock.mutex("use")
	if err != nil {
		return err
	}
	owner, died := m.Holder()
	switch {
	case died:
		return ErrOwnerDied
	case owner == 0:
		return ErrNotLocked
	case owner != c.lock.d.Self():
		return ErrNotOwner
	}
	return nil
}

// L is the lock to hold.
func (c *Condition) L() *Lock {
	if c == nil {
		return nil
	}
	return c.lock
}

// Wait gives the lock up, waits until it is notified or ctx ends, and takes the lock
// again. It returns with the lock held, also when it was cancelled, unless the lock
// itself cannot be had: ErrOwnerDied. Errors: ErrNotLocked and ErrNotOwner if this
// process does not hold the lock, ErrClosed, the context's.
func (c *Condition) Wait(ctx context.Context) error {
	list, err := c.use("wait")
	if err == nil && list == nil {
		return c.waitRemote(ctx)
	}
	if err == nil {
		err = c.held()
	}
	if err != nil {
		return c.wrap("wait", err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	w, err := list.Add(ctx)
	if err != nil {
		return c.wrap("wait", err)
	}
	if err := c.lock.Unlock(); err != nil {
		w.Leave()
		return c.wrap("wait", err)
	}
	err = w.Wait(ctx)
	lerr := c.lock.Lock(context.Background())
	if err == nil {
		w.Leave() // not before: who dies waiting for the lock has not heard of the notification
	}
	if lerr != nil {
		return c.wrap("wait", errors.Join(err, lerr))
	}
	return c.wrap("wait", err)
}

// WaitFor waits until ready reports true, which it asks with the lock held: at first,
// and whenever it was notified. Errors: as Wait's.
func (c *Condition) WaitFor(ctx context.Context, ready func() bool) error {
	list, err := c.use("wait for")
	if err == nil && list == nil {
		err = c.notifyRemote("wait for", 0)
	} else if err == nil {
		err = c.held()
	}
	if err != nil {
		return c.wrap("wait for", err)
	}
	for !ready() {
		if err := c.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Notify wakes the n that have waited longest, or all if there are fewer. Errors:
// ErrNotLocked and ErrNotOwner if this process does not hold the lock, ErrClosed.
func (c *Condition) Notify(n int) error {
	list, err := c.use("notify")
	if err == nil && list == nil {
		return c.notifyRemote("notify", n)
	}
	if err == nil {
		err = c.held()
	}
	if err == nil && n > 0 {
		err = list.Notify(context.Background(), n)
	}
	return c.wrap("notify", err)
}

// NotifyAll wakes all who wait.
func (c *Condition) NotifyAll() error { return c.Notify(1 << 30) }

func (c *Condition) wrap(op string, err error) error {
	if err == nil || c == nil {
		return err
	}
	return c.h.wrap(op, err)
}

// Name is the name by which other processes open the condition.
func (c *Condition) Name() string {
	if c == nil {
		return ""
	}
	return c.h.nameOf()
}

// Err is ErrClosed once the handle is closed.
func (c *Condition) Err() error {
	_, err := c.use("use")
	return err
}

// Close detaches this handle.
func (c *Condition) Close() error {
	if _, err := c.use("close"); err != nil {
		return err
	}
	err := c.h.close(shm.Condition)
	if c.own && c.lock.h != c.h {
		err = errors.Join(err, c.lock.Close())
	}
	return err
}

// MarshalCBOR encodes the handle: its manager, kind and name.
func (c *Condition) MarshalCBOR() ([]byte, error) {
	if c == nil {
		return cborNull, nil
	}
	return marshalHandle(c.h)
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (c *Condition) UnmarshalCBOR(b []byte) error {
	m, name, err := unmarshalHandle(b, shm.Condition)
	if err != nil {
		return err
	}
	return c.open(m, "open", name, nil, nil)
}
