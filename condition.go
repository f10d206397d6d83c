package carom

import (
	"context"
	"errors"
	"fmt"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/shm"
)

// Condition lets processes wait, with a lock held, until another says that something
// has changed. Who was notified has waited longest, and nobody wakes without having been
// notified. A notification that a dying process was given goes to the next.
type Condition struct {
	base[shm.Waiters]
	lock  *Lock
	owned bool // lock is a handle of this one's, and goes with it
}

// NewCondition makes sure that there is a condition called name, and attaches to it. ""
// asks for a name of its own. lock is the lock to hold, the same in all processes; nil is
// one that belongs to the condition. Errors: ErrType if the name belongs to something
// else or to a condition with another lock, also with one that had the name of this lock
// before, or if lock is part of another object; ErrNoMemory; ErrNotFound if lock was removed,
// where the coordinator performs the operations; ErrClosed for a closed lock.
func NewCondition(m *Manager, name string, lock *Lock, opts ...Option) (*Condition, error) {
	c := new(Condition)
	return opened(c, c.open(m, "new", name, lock, opts))
}

// OpenCondition attaches to the condition called name, whose lock it finds. ErrNotFound:
// there is none, or its lock was removed, whatever has the lock's name now.
func OpenCondition(m *Manager, name string) (*Condition, error) {
	c := new(Condition)
	return opened(c, c.reopen(m, name))
}

func (c *Condition) reopen(m *Manager, name string) error { return c.open(m, "open", name, nil, nil) }

func (c *Condition) open(m *Manager, op, name string, lock *Lock, opts []Option) error {
	const kind = shm.Condition
	o, err := readOptions(kind.String(), opts)
	if err == nil && lock != nil {
		err = lock.suits(m)
	}
	if err != nil {
		return opError(op, kind.String(), name, err)
	}
	var inner *shm.Object
	if lock != nil && lock.h.obj != nil {
		inner = lock.h.obj.Object
	}
	w := wanted{op: op, spec: shm.ConditionSpec(name, inner)}
	w.spec.Exclusive, w.spec.Any = o.exclusive, op == "open"
	switch {
	case !isServed(m):
	case lock == nil:
		w.params = coord.AppendNull(coord.AppendArray(nil, 1))
	default:
		w.params = coord.AppendText(coord.AppendArray(nil, 2), lock.h.name)
		w.params = coord.AppendBytes(w.params, []byte(lock.h.r.object()))
	}
	h, err := openShared(m, w)
	if err != nil {
		return err
	}
	if c.lock = lock; lock == nil {
		c.owned = true
		if c.lock, err = findLock(h); err != nil {
			return errors.Join(h.fail(op, err), h.close())
		}
	}
	if c.h = h; h.obj != nil {
		c.bind(h, shm.WaitersOf(h.obj), nil)
	}
	return nil
}

// suits says why a condition of m cannot have l for its lock.
func (l *Lock) suits(m *Manager) error {
	if err := l.h.gone("use"); err != nil {
		return err
	}
	switch {
	case l.h.part:
		return fmt.Errorf("the lock of %s %q is a part of it, and no lock for a condition: %w", l.h.kind, l.h.name, ErrType)
	case m != nil && l.h.m != m && (m.arena == nil || l.h.m.arena != m.arena):
		return fmt.Errorf("the lock %q is another manager's: %w", l.h.name, ErrType)
	}
	return nil
}

// findLock is a handle on the lock of the condition that h is: the condition's own, or the
// one that its creator gave it.
func findLock(h *handle) (*Lock, error) {
	if h.obj == nil {
		if known := h.r.known(); !known.Null() {
			name, id := known.Text(), coord.Identity(known.Bytes())
			if err := known.Err(); err != nil {
				return nil, err
			}
			return openThat(h.m, name, id)
		}
	} else if h.obj.Param != 0 {
		ctx, cancel := constructorContext(h.m)
		defer cancel()
		lock, err := shm.ConditionLock(ctx, h.obj)
		if err != nil {
			return nil, err
		}
		l := new(Lock)
		l.take(&handle{m: h.m, kind: shm.Lock.String(), name: lock.Name, obj: lock})
		return l, nil
	}
	part, err := h.again()
	if err != nil {
		return nil, err
	}
	l := new(Lock)
	l.take(part)
	return l, nil
}

// openThat opens a lock at the coordinator. ErrNotFound: it was removed, whatever has its name
// now.
func openThat(m *Manager, name string, id coord.Identity) (*Lock, error) {
	l, err := OpenLock(m, name)
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrType):
	case err != nil:
		return nil, err
	case l.h.r.object() == id:
		return l, nil
	default:
		_ = l.Close() // it was opened in vain
	}
	return nil, fmt.Errorf("its lock was removed: %w", ErrNotFound)
}

// L is the lock to hold. One that was given to NewCondition is that handle; any other goes
// with this one.
func (c *Condition) L() *Lock { return c.lock }

// hold begins a call, which needs the lock to be held: ErrNotLocked if nobody holds it,
// ErrNotOwner if another process does, ErrOwnerDied. list is nil where the coordinator
// knows. Unless there is an error, left ends the call.
func (c *Condition) hold(op string) (list *shm.Waiters, m *futex.Mutex, err error) {
	if list, err = c.use(op); err != nil || list == nil {
		return nil, nil, err
	}
	if m, err = c.lock.use(op); err != nil {
		c.leave()
		return nil, nil, c.h.fail(op, err)
	}
	if err = c.holds(op, m); err != nil {
		c.left()
		return nil, nil, err
	}
	return list, m, nil
}

func (c *Condition) holds(op string, m *futex.Mutex) (err error) {
	owner, died := m.Holder()
	switch {
	case died:
		err = ErrOwnerDied
	case owner == 0:
		err = ErrNotLocked
	case owner != c.lock.d.Self():
		err = ErrNotOwner
	}
	return c.h.fail(op, err)
}

func (c *Condition) left() {
	c.lock.leave()
	c.leave()
}

// Wait gives the lock up, waits until it is notified or ctx ends, and takes the lock
// again. It returns with the lock held, also when it was cancelled, unless the lock
// itself cannot be had: ErrOwnerDied. Errors: ErrNotLocked and ErrNotOwner if this
// process does not hold the lock, the context's; ErrClosed, with the lock held if it was
// given to NewCondition and is open, else without. On a handle that was closed before it
// changes nothing.
func (c *Condition) Wait(ctx context.Context) error {
	const op = "wait"
	list, m, err := c.hold(op)
	if err != nil {
		return err
	}
	if list == nil {
		return c.waitRemote(ctx, op, nil)
	}
	defer c.left()
	return c.waitHere(ctx, op, list, m)
}

func (c *Condition) waitHere(ctx context.Context, op string, list *shm.Waiters, m *futex.Mutex) error {
	if err := c.holds(op, m); err != nil {
		return err
	}
	if !c.over() && ctx.Err() != nil {
		return ctx.Err()
	}
	w, err := list.Add(ctx)
	if err != nil && !c.over() {
		return c.h.fail(op, err)
	}
	c.lock.h.publish()
	if err != nil { // nobody else could give the lock back
		_ = m.Unlock(c.lock.d)
		return c.h.closedErr(op)
	}
	if err := m.Unlock(c.lock.d); err != nil {
		w.Leave()
		return c.h.fail(op, err)
	}
	err = w.Wait(ctx)
	lerr := error(ErrClosed)
	if !c.over() {
		_, lerr = m.Lock(context.Background(), c.lock.h.obj.Domain(), c.lock.mode)
		c.lock.h.observe()
		if lerr == nil && c.over() { // nobody could give it back
			c.lock.h.publish()
			_ = m.Unlock(c.lock.d)
			lerr = ErrClosed
		}
	}
	closed := errors.Is(lerr, ErrClosed)
	switch {
	case err != nil: // the waiter has left the list
	case closed: // the notification is for others
		w.PassOn()
	default:
		w.Leave() // not before: who dies waiting for the lock has not heard of the notification
	}
	if closed {
		return c.h.closedErr(op)
	}
	if lerr != nil {
		return c.h.fail(op, errors.Join(err, lerr))
	}
	return c.h.fail(op, err)
}

// over reports that the lock is not to be taken again, since nobody could unlock it by its
// handle, which is closed, or goes with this one.
func (c *Condition) over() bool {
	return c.lock.h.gone("") != nil || c.owned && c.h.gone("") != nil
}

// waitRemote is Wait at the coordinator, or WaitFor. It stays inside of the lock's handle,
// which Close lets go afterwards.
func (c *Condition) waitRemote(ctx context.Context, op string, ready func() bool) error {
	_, lockDone, err := c.lock.h.stay(ctx, op)
	if err != nil {
		return err
	}
	defer lockDone()
	// By its own lock's handle a condition is reached as well. So its Close can have the
	// coordinator end the wait without the lock.
	reach := c.lock.h
	if !c.lock.h.part {
		var done func()
		if ctx, done, err = c.h.stay(ctx, op); err != nil {
			return err
		}
		defer done()
		reach = c.h
	}
	if ready == nil {
		return c.waitThere(ctx, op, reach)
	}
	if err := holdsThere(reach, op); err != nil {
		return err
	}
	for !ready() {
		if err := c.waitThere(ctx, op, reach); err != nil {
			return err
		}
	}
	return nil
}

// holdsThere asks whether this process holds the lock: only then it may notify nobody.
func holdsThere(reach *handle, op string) error { return reach.tell(op, "notify", nil, uint64(0)) }

// waitThere is one call: the coordinator gives the session's lock up and takes it again, also
// when the call is cancelled.
func (c *Condition) waitThere(ctx context.Context, op string, reach *handle) error {
	// The fence names the acquisition, before the wait and after it: Close may come before the
	// coordinator hears of the wait, and another goroutine's acquisition is not to be ended.
	var fence uint64
	err := c.lock.h.tell(op, "fence", intoUint(&fence))
	if err != nil {
		return err
	}
	if ctx.Err() == nil {
		err = c.h.ask(ctx, op, "wait", nil)
	} else if err = holdsThere(reach, op); err == nil {
		err = c.h.ended(ctx, op, ctx.Err())
	}
	held := err == nil || isContextError(err) && !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrClosed)
	if !held || !c.over() {
		return err
	}
	if err == nil { // the notification is for others
		_ = reach.tell(op, "notify", nil, uint64(1))
	}
	_ = c.lock.h.tell(op, "unlock", nil, fence) // fails if the lock was not taken again
	return c.h.closedErr(op)
}

// WaitFor waits until ready reports true, which it asks with the lock held: at first,
// and whenever it was notified. Errors: as Wait's.
func (c *Condition) WaitFor(ctx context.Context, ready func() bool) error {
	const op = "wait for"
	list, m, err := c.hold(op)
	if err != nil {
		return err
	}
	if list == nil {
		return c.waitRemote(ctx, op, ready)
	}
	defer c.left()
	for !ready() {
		if err := c.waitHere(ctx, op, list, m); err != nil {
			return err
		}
	}
	return nil
}

// Notify wakes the n that have waited longest, or all if there are fewer. Errors:
// ErrNotLocked and ErrNotOwner if this process does not hold the lock, ErrClosed.
func (c *Condition) Notify(n int) error {
	const op = "notify"
	list, _, err := c.hold(op)
	if err != nil {
		return err
	}
	if list == nil {
		return c.h.tell(op, "notify", nil, uint64(max(n, 0)))
	}
	defer c.left()
	if n <= 0 {
		return nil
	}
	return c.h.fail(op, list.Notify(context.Background(), n))
}

// NotifyAll wakes all who wait.
func (c *Condition) NotifyAll() error { return c.Notify(1 << 30) }

// Close detaches this handle, and that of its lock unless it was given one. Calls that wait
// inside end with ErrClosed. The condition stays. ErrClosed: it was closed already.
func (c *Condition) Close() error {
	if c.owned {
		return c.h.close(c.lock.h)
	}
	return c.h.close()
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (c *Condition) UnmarshalCBOR(b []byte) error { return c.attach(b, "Condition", c.reopen) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (c *Condition) UnmarshalJSON(b []byte) error { return c.attach(b, "Condition", c.reopen) }
