package futex

import (
	"context"

	"github.com/carom-ipc/carom/internal/atom"
)

// asleep is set in a word on which its only waiter may sleep.
const asleep = 1 << 31

// Await returns nil when the word's low 31 bits are no longer val; else the context's
// error or ErrClosed. Only one goroutine of all processes may wait for a word. It looks for
// as long as that has paid lately for key, a word that names what is waited for, before it
// sleeps; not at all where key is nil.
func (d *Domain) Await(ctx context.Context, word *uint32, val uint32, key *uint32) error {
	changed := func() bool { return atom.Load32(word)&^asleep != val }
	if changed() || key != nil && d.spinForMessage(key, messageSpin, changed) {
		return nil
	}
	s := d.startSleep(ctx, word)
	defer s.finish()
	for !changed() {
		if err := s.err(); err != nil {
			return err
		}
		if w := atom.Load32(word); w&asleep == 0 && !atom.CAS32(word, w, w|asleep) {
			continue
		}
		s.sleep(val|asleep, nil, 0, 0)
	}
	return nil
}

// A Wakeup is owed to the waiter for a word that was set; the zero value to nobody. Should
// this process die, the sweep does it.
type Wakeup struct {
	d      *Domain
	word   *uint32
	record int
}

// Set sets a word to val. The caller calls Wake soon, and waits for nothing before that:
// there are MaxDirect wake-ups a process.
func (d *Domain) Set(word *uint32, val uint32) Wakeup {
	if w := atom.Load32(word); w&asleep == 0 && atom.CAS32(word, w, val) {
		return Wakeup{}
	}
	i := d.beginWake(word)
	if atom.Swap32(word, val)&asleep == 0 {
		d.endWake(i)
		return Wakeup{}
	}
	return Wakeup{d, word, i}
}

// Wake wakes the waiter.
func (w Wakeup) Wake() {
	if w.d != nil {
		w.d.wake(w.word, 1)
		w.d.endWake(w.record)
	}
}
