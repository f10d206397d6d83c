package shm

import (
	"context"
	"errors"
	"fmt"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// A condition's payload: its own lock, 16 bytes, used where it was given none, and the
// wait list. Its entry's param is the identity of the lock that it was given; 0, which no
// object's is, where the lock is its own:
//
//	bits  | meaning
//	0–39  | the lowest bits of the lock's serial
//	40–63 | the lock's entry
//
// The condition does not keep the lock, whose entry may be another's later: then the serial
// is another too.
const (
	conditionList   = 16
	conditionEntry  = 40
	conditionSerial = 1<<conditionEntry - 1
)

// ConditionSpec describes a condition; lock is nil for one of its own.
func ConditionSpec(name string, lock *Object) Spec {
	s := Spec{Name: name, Kind: Condition, Payload: conditionList + waitListPayload}
	if lock != nil {
		s.Param = uint64(lock.Index)<<conditionEntry | lock.Serial&conditionSerial
	}
	s.Describe = func(param uint64, _ uint32) string {
		switch param {
		case 0:
			return "a lock of its own"
		case s.Param:
			return "the lock that was given"
		}
		return "another lock"
	}
	return s
}

// ConditionLock attaches the lock that a condition was given, for the process or the guest
// that h is of; nil if it has one of its own. ErrNotFound: the lock was removed since,
// whatever has its name now.
func ConditionLock(ctx context.Context, h *Handle) (*Handle, error) {
	if h.Param == 0 {
		return nil, nil
	}
	lock, err := h.arena.openLockAt(ctx, uint32(h.Param>>conditionEntry), h.Param&conditionSerial)
	if errors.Is(err, errs.ErrNotFound) {
		return nil, fmt.Errorf("its lock was removed: %w", err)
	}
	return lock, err
}

func conditionWaiters(a *Arena, o Ref, d *futex.Domain) *waiters {
	return waitersOf(a, o, conditionList, d)
}

func init() {
	waitListOps(Condition, conditionWaiters, func(w *waiters, dead futex.ID) {
		w.bequeath(dead, func() { w.notify(1).Wake() })
	})
	list := kinds[Condition].Sweep
	kinds[Condition].Sweep = func(a *Arena, d *futex.Domain, o Ref, dead futex.ID) {
		at[futex.Mutex](a, o.Off).Release(a.sentry, dead)
		list(a, d, o, dead)
	}
}

// notify leaves the last to be woken to the caller.
func (w *waiters) notify(n int) (last futex.Wakeup) {
	for ; n > 0 && w.waiting > 0; n-- {
		last.Wake()
		last = w.settle(nodeGranted, 0)
	}
	return last
}

// Waiters is a condition's list of waiters. It is safe for concurrent use.
type Waiters struct{ w *waiters }

// WaitersOf is the list behind a condition's handle.
func WaitersOf(h *Handle) *Waiters {
	w := conditionWaiters(h.arena, h.Ref, h.arena.domain)
	w.u = h
	return &Waiters{w}
}

// A Waiter is a goroutine's place in the list.
type Waiter struct {
	w *waiters
	i uint32
}

// Add joins the list: who is notified from now on may be this waiter.
func (c *Waiters) Add(ctx context.Context) (Waiter, error) {
	if err := c.w.begin(ctx); err != nil {
		return Waiter{}, err
	}
	defer c.w.leave()
	i, err := c.w.add(ctx, nodeWaiting)
	return Waiter{c.w, i}, err
}

// Wait returns nil when the waiter was notified, also if the context ended, or the handle
// was closed, meanwhile:
// then the caller takes its lock again and calls Leave; should it die before, the
// notification goes to the next. Else it returns the context's error or ErrClosed, and
// the waiter has left the list.
func (x Waiter) Wait(ctx context.Context) error {
	n := x.w.node(x.i)
	err := x.w.u.Domain().Await(ctx, &n.state, nodeWaiting, &x.w.word)
	if atom.Load32(&n.state)&^nodeAsleep == nodeGranted { // it stays so until Leave
		return nil
	}
	if errors.Is(err, errs.ErrClosed) && x.w.d.Closed() {
		return err // the sweep that follows takes the node
	}
	if lerr := x.w.enter(context.Background()); lerr != nil {
		return lerr
	}
	defer x.w.leave()
	if n.state&^nodeAsleep == nodeGranted {
		return nil
	}
	x.w.remove(x.i)
	return err
}

// Leave takes a waiter out of the list: one that was notified, or that has not waited.
func (x Waiter) Leave() {
	if x.w.enter(context.Background()) == nil {
		x.w.remove(x.i)
		x.w.leave()
	}
}

// PassOn is Leave for a waiter that was notified and cannot act on it: the notification is
// the next one's. That comes before the node goes, as in bequeath.
func (x Waiter) PassOn() {
	if x.w.enter(context.Background()) == nil {
		next := x.w.notify(1)
		x.w.remove(x.i)
		x.w.leaveTo(next)
	}
}

// Notify wakes the n that have waited longest, also while the handle is being closed.
func (c *Waiters) Notify(ctx context.Context, n int) error {
	if err := c.w.enter(ctx); err != nil {
		return err
	}
	c.w.leaveTo(c.w.notify(n))
	return nil
}
