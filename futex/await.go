package futex

import (
	"context"

	"github.com/carom-ipc/carom/internal/atom"
)

// asleep is set in a word on which its only waiter may sleep.
const asleep = 1 << 31

// Await returns nil when the word's low 31 bits are no longer val; else the context's
// error or ErrClosed. Only one goroutine of all processes may wait for a word.
func (d *Domain) Await(ctx context.Context, word *uint32, val uint32) error {
	changed := func() bool { return atom.Load32(word)&^asleep != val }
	if changed() || d.spinForMessage(word, messageSpin, changed) {
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

// Signal sets a word to val and wakes its waiter.
func (d *Domain) Signal(word *uint32, val uint32) {
	i := d.beginWake(word)
	defer d.endWake(i)
	if atom.Swap32(word, val)&asleep != 0 {
		d.wake(word, 1)
	}
}
