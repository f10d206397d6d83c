package shm

import (
	"context"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// A barrier's word says in what state it is; the nodes of its wait list are those who
// have arrived. The last to arrive has no node: while it runs its action, phase names it.
//
//	word  | barrierFilling, barrierActing, barrierBroken or barrierRecovering: then it is
//	      | broken, and the nodes are those who have called Recover
//	phase | the process whose action runs, or that is releasing the others; 0 none
//	total | parties
const (
	barrierFilling = iota
	barrierActing
	barrierBroken
	barrierRecovering
)

// Rendezvous is a barrier in an arena. It is safe for concurrent use.
type Rendezvous struct{ w *waiters }

// BarrierSpec describes a barrier.
func BarrierSpec(name string, parties uint32) Spec {
	return Spec{Name: name, Kind: Barrier, Param: uint64(parties), Payload: waitListPayload + barrierPayload,
		Init: func(p []byte) { freshWaitList(p).total = parties }}
}

// barrierPayload is the notifier behind the list, for those who come while an action runs.
const barrierPayload = 8

func barrierWaiters(a *Arena, o Ref, d *futex.Domain) *waiters { return waitersOf(a, o, 0, d) }

func init() {
	waitListOps(Barrier, barrierWaiters, func(w *waiters, dead futex.ID) {
		// Who breaks it may die before it has told everybody.
		waited := w.word == barrierBroken || w.word == barrierActing && w.phase == uint32(dead)
		w.each(func(i uint32, n *node) {
			if n.id == uint32(dead) {
				// Also if it was released meanwhile: it did not live to leave.
				state := n.state &^ nodeAsleep
				waited = waited || state == nodeWaiting || state == nodeGranted
				w.remove(i)
			}
		})
		switch {
		case w.word == barrierRecovering && w.phase == uint32(dead): // all had come
			_, last := (&Rendezvous{w}).release()
			last.Wake()
		case w.word != barrierRecovering && waited: // where they recover, they wait for one more
			w.breakUp(barrierBroken).Wake()
		default:
			w.late().NotifyAll(w.d)
		}
	})
}

// RendezvousOf is the barrier behind a handle.
func RendezvousOf(h *Handle) *Rendezvous {
	w := barrierWaiters(h.arena, h.Ref, h.arena.domain)
	w.u = h
	return &Rendezvous{w}
}

// breakUp sends everybody who waits away, and sets the state. The last is left for the
// caller to wake.
func (w *waiters) breakUp(state uint32) (last futex.Wakeup) {
	atom.Store32(&w.word, state)
	atom.Store32(&w.phase, 0) // not before: else the death of who acts would go unnoticed
	w.late().NotifyAll(w.d)
	for w.waiting > 0 {
		last.Wake()
		last = w.settle(nodeBroken, 0)
	}
	return last
}

// Wait waits for the other parties and returns the order of arrival, 0 to parties-1.
// The last to arrive runs action (may be nil) before the others are released. Errors:
// ErrBroken; action's, which breaks the barrier; the context's: its deadline breaks the
// barrier and is joined with ErrBroken, its cancellation takes the caller out only.
func (b *Rendezvous) Wait(ctx context.Context, action func() error) (int, error) {
	index, turn, err := b.Arrive(ctx, action != nil)
	if turn == 0 {
		return index, err
	}
	err = b.act(action)
	index, ferr := b.Finish(context.Background(), turn, err == nil)
	if err == nil {
		err = ferr
	}
	return index, err
}

// Arrive is Wait that leaves the action to the caller: the last to arrive is given a turn,
// which is not 0, and must call Finish with it. Without acts, nobody has an action.
func (b *Rendezvous) Arrive(ctx context.Context, acts bool) (index int, turn uint64, err error) {
	w := b.w
	for {
		if err := w.begin(ctx); err != nil {
			return 0, 0, err
		}
		switch {
		case w.isBroken():
			w.leave()
			return 0, 0, errs.ErrBroken
		case w.word == barrierFilling && w.waiting+1 >= w.total:
			turn = b.last()
			if acts {
				w.leave()
				return 0, turn, nil
			}
			index, next := b.release()
			w.leaveTo(next)
			return index, 0, nil
		case w.word == barrierFilling:
			index, err = b.join(ctx)
			return index, 0, err
		}
		w.leave()
		if err := w.late().Wait(ctx, w.u.Domain(), func() bool { return atom.Load32(&w.word) != barrierActing }); err != nil {
			return 0, 0, err
		}
	}
}

// join waits for the last. The list is entered.
func (b *Rendezvous) join(ctx context.Context) (int, error) {
	w := b.w
	i, err := w.add(ctx, nodeWaiting)
	w.leave()
	if err != nil {
		return 0, err
	}
	state, err := w.await(ctx, i, &w.word)
	if state == nodeFree {
		return 0, err
	}
	var next futex.Wakeup
	defer func() { w.leaveTo(next) }()
	index := w.node(i).value
	w.remove(i)
	switch state {
	case nodeGranted:
		return int(index), nil
	case nodeBroken:
		return 0, errs.ErrBroken
	}
	if isDeadline(err) {
		next = w.breakUp(barrierBroken)
		return 0, broken{err}
	}
	return 0, err
}

// last begins the turn of the last to arrive. Should it die before its end, phase tells the
// sweep to break the barrier. The list is entered.
func (b *Rendezvous) last() (turn uint64) {
	w := b.w
	turn = w.tickets + 1 // nobody gets another ticket while this action is the barrier's
	atom.Put64(&w.tickets, turn)
	atom.Store32(&w.phase, uint32(w.a.self))
	atom.Store32(&w.word, barrierActing)
	return turn
}

// Finish ends a turn: it releases the others and returns the order of arrival, or breaks the
// barrier if the action failed. Errors: ErrBroken, also if the barrier was reset or aborted
// meanwhile; the context's, then the turn goes on.
func (b *Rendezvous) Finish(ctx context.Context, turn uint64, ok bool) (int, error) {
	w := b.w
	if err := w.enter(ctx); err != nil {
		return 0, err
	}
	index := 0
	var next futex.Wakeup
	defer func() { w.leaveTo(next) }()
	switch {
	case w.word != barrierActing || w.tickets != turn:
		return 0, errs.ErrBroken
	case !ok:
		next = w.breakUp(barrierBroken)
		return 0, errs.ErrBroken
	}
	index, next = b.release()
	return index, nil
}

// release ends a round. The list is entered; the last to be woken is left to the caller.
func (b *Rendezvous) release() (int, futex.Wakeup) {
	w := b.w
	index := uint32(0)
	var last futex.Wakeup
	for ; w.waiting > 0; index++ {
		last.Wake()
		last = w.settle(nodeGranted, index)
	}
	atom.Store32(&w.word, barrierFilling)
	atom.Store32(&w.phase, 0)
	if w.late().Sleepers() {
		last.Wake() // nobody may hold one wake-up and wait for another
		last = futex.Wakeup{}
		w.late().NotifyAll(w.d)
	}
	return int(index), last
}

// act breaks the barrier also where the action panics.
func (b *Rendezvous) act(action func() error) (err error) {
	done := false
	defer func() {
		if !done {
			_ = b.Abort()
		}
	}()
	err = action()
	done = true
	return err
}

// Reset sends those who wait away with ErrBroken and makes the barrier new.
func (b *Rendezvous) Reset() error { return b.End(context.Background(), false) }

// Abort breaks the barrier until Reset.
func (b *Rendezvous) Abort() error { return b.End(context.Background(), true) }

// End is Abort where broken is true, else Reset. It waits for who is at work on the barrier
// until ctx ends.
func (b *Rendezvous) End(ctx context.Context, broken bool) error {
	w := b.w
	if err := w.enter(ctx); err != nil {
		return err
	}
	switch {
	case w.word != barrierRecovering && broken:
		w.leaveTo(w.breakUp(barrierBroken))
	case w.word != barrierRecovering:
		w.leaveTo(w.breakUp(barrierFilling))
	case broken: // it is
		w.leave()
	default:
		w.leaveTo(b.renew()) // those who recover have what they wait for
	}
	return nil
}

// Recover waits, where the barrier is broken, until all parties have called it; the last makes
// the barrier new. One that is not broken is new already. Errors: the context's, which takes
// the caller out and leaves the barrier broken.
func (b *Rendezvous) Recover(ctx context.Context) error {
	w := b.w
	if err := w.begin(ctx); err != nil {
		return err
	}
	if !w.isBroken() {
		w.leave()
		return nil
	}
	if w.word == barrierBroken {
		w.breakUp(barrierBroken).Wake() // whoever broke it may have died before all were sent away
		atom.Store32(&w.word, barrierRecovering)
	}
	if w.waiting+1 >= w.total {
		w.leaveTo(b.renew())
		return nil
	}
	i, err := w.add(ctx, nodeWaiting)
	w.leave()
	if err != nil {
		return err
	}
	state, err := w.await(ctx, i, &w.word)
	if state == nodeFree {
		return err
	}
	w.remove(i)
	w.leave()
	if state == nodeGranted {
		return nil
	}
	return err
}

// renew ends a recovery. The list is entered; the last to be woken is left to the caller.
func (b *Rendezvous) renew() futex.Wakeup {
	atom.Store32(&b.w.phase, uint32(b.w.a.self))
	_, last := b.release()
	return last
}

func (w *waiters) isBroken() bool {
	word := atom.Load32(&w.word)
	return word == barrierBroken || word == barrierRecovering
}

// Parties is how many the barrier waits for.
func (b *Rendezvous) Parties() int { return int(b.w.total) }

// Waiting is how many have arrived.
func (b *Rendezvous) Waiting() int {
	if atom.Load32(&b.w.word) != barrierFilling {
		return 0
	}
	return int(atom.Load32(&b.w.waiting))
}

// Broken reports that the barrier is broken.
func (b *Rendezvous) Broken() bool { return b.w.isBroken() }

// broken is a deadline that broke the barrier: both are found in it.
type broken struct{ err error }

func (b broken) Error() string   { return errs.ErrBroken.Error() + ": " + b.err.Error() }
func (b broken) Unwrap() []error { return []error{errs.ErrBroken, b.err} }
