package futex

import (
	"context"

	"github.com/carom-ipc/carom/internal/atom"
)

// Notifier is an event counter: it lets goroutines sleep until a condition over
// other shared words may have become true, and costs whoever makes it true one load
// while nobody sleeps.
//
//	offset | width | field | who writes         | bits
//	0      | 4     | word  | Wait, Notify       | 0 somebody may sleep; 1–31 number of notifications
//
// The order that makes it right: a waiter sets bit 0, then looks at the condition,
// then sleeps on the word as it was; a notifier makes the condition true, then looks
// at bit 0. Each side's store is a full barrier before its load.
type Notifier struct{ word uint32 }

// Sleepers reports that somebody may sleep.
func (n *Notifier) Sleepers() bool { return atom.Load32(&n.word)&1 != 0 }

// Notify wakes one sleeper, if there may be one. The caller has made a condition
// true before; who is woken and leaves it true must call Notify in turn.
func (n *Notifier) Notify(d *Domain) {
	if atom.Load32(&n.word)&1 != 0 {
		n.notify(d, 1)
	}
}

// NotifyAll wakes every sleeper.
func (n *Notifier) NotifyAll(d *Domain) {
	if atom.Load32(&n.word)&1 != 0 {
		n.notify(d, wakeEverybody)
	}
}

func (n *Notifier) notify(d *Domain, count int) {
	i := d.beginWake(&n.word)
	defer d.endWake(i)
	v := atom.Add32(&n.word, 2)
	if d.wake(&n.word, count) > 0 || v&1 == 0 {
		return
	}
	// Nobody slept. Clear the bit, and wake whoever fell asleep on the word between
	// the wake-up and this.
	if atom.CAS32(&n.word, v, v&^1) {
		d.wake(&n.word, wakeEverybody)
	}
}

// Wait returns nil when ready reports true; else the context's error or ErrClosed.
// ready is called by this goroutine only and must be cheap.
func (n *Notifier) Wait(ctx context.Context, d *Domain, ready func() bool) error {
	if ready() || n.Spin(d, ready) {
		return nil
	}
	return n.Sleep(ctx, d, ready)
}

// Sleep is Wait without looking for a while first.
func (n *Notifier) Sleep(ctx context.Context, d *Domain, ready func() bool) error {
	if err := d.enter(ctx, &n.word); err != nil {
		return err
	}
	defer d.gates.leave(&n.word)
	return n.WaitApart(ctx, d, ready)
}

// WaitApart is Wait without queueing behind others of this process: for one whose
// condition may come true while theirs does not.
func (n *Notifier) WaitApart(ctx context.Context, d *Domain, ready func() bool) error {
	if ready() {
		return nil
	}
	s := d.startSleep(ctx, &n.word)
	defer s.finish()
	for {
		v := atom.Load32(&n.word)
		if v&1 == 0 {
			if !atom.CAS32(&n.word, v, v|1) {
				continue
			}
			v |= 1
		}
		if ready() {
			return nil
		}
		if err := s.err(); err != nil {
			d.wake(&n.word, 1) // it may have been woken in another's place
			return err
		}
		s.sleep(v, nil, 0, 0)
	}
}
