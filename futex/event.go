package futex

import (
	"context"

	"github.com/carom-ipc/carom/internal/atom"
)

// Event is a flag to wait for. Its word is a sequence counter, so a waiter leaves
// no state behind: it sleeps until the flag is set or the counter has moved on (the
// event was set and cleared again meanwhile).
//
//	offset | width | field | who writes       | bits
//	0      | 4     | word  | Set, Clear, Wait | 0 set; 1 somebody may sleep; 2–31 number of times set
//
// A setter that dies after its store and before it woke the sleepers is covered by
// its wake record.
type Event struct{ word uint32 }

const (
	eventSet      = 1
	eventSleepers = 2
	eventStep     = 4
)

// IsSet reports the flag.
func (e *Event) IsSet() bool { return atom.Load32(&e.word)&eventSet != 0 }

// Set raises the flag and wakes all who wait.
func (e *Event) Set(d *Domain) {
	for {
		w := atom.Load32(&e.word)
		switch {
		case w&eventSet != 0:
			return
		case w&eventSleepers == 0:
			if atom.CAS32(&e.word, w, w+eventStep|eventSet) {
				return
			}
		case e.setWaking(d, w):
			return
		}
	}
}

func (e *Event) setWaking(d *Domain, w uint32) bool {
	i := d.beginWake(&e.word)
	defer d.endWake(i)
	if !atom.CAS32(&e.word, w, (w+eventStep|eventSet)&^eventSleepers) {
		return false
	}
	d.wake(&e.word, wakeEverybody)
	return true
}

// TrySet is Set where nobody is to be woken. False says nothing but that Set must be called.
func (e *Event) TrySet() bool {
	w := atom.Load32(&e.word)
	return w&eventSet != 0 || w&eventSleepers == 0 && atom.CAS32(&e.word, w, w+eventStep|eventSet)
}

// TryClear is Clear, once tried.
func (e *Event) TryClear() bool {
	w := atom.Load32(&e.word)
	return w&eventSet == 0 || atom.CAS32(&e.word, w, w&^eventSet)
}

// Clear lowers the flag.
func (e *Event) Clear() {
	for {
		w := atom.Load32(&e.word)
		if w&eventSet == 0 || atom.CAS32(&e.word, w, w&^eventSet) {
			return
		}
	}
}

// Wait returns nil once the event was set, at the latest when it is cleared and set
// again; else the context's error or ErrClosed.
func (e *Event) Wait(ctx context.Context, d *Domain) error {
	first := atom.Load32(&e.word)
	if first&eventSet != 0 {
		return nil
	}
	return e.waitSlow(ctx, d, first)
}

func (e *Event) waitSlow(ctx context.Context, d *Domain, first uint32) error {
	happened := func() bool {
		w := atom.Load32(&e.word)
		return w&eventSet != 0 || (w^first)&^(eventSet|eventSleepers) != 0
	}
	if d.spinForMessage(&e.word, messageSpin, happened) {
		return nil
	}
	if err := d.enter(ctx, &e.word); err != nil {
		return err
	}
	defer d.gates.leave(&e.word)
	if happened() {
		return nil
	}
	s := d.startSleep(ctx, &e.word)
	defer s.finish()
	for !happened() {
		if err := s.err(); err != nil {
			return err
		}
		w := atom.Load32(&e.word)
		if w&eventSet != 0 || w&eventSleepers == 0 && !atom.CAS32(&e.word, w, w|eventSleepers) {
			continue
		}
		s.sleep(w|eventSleepers, nil, 0, 0)
	}
	return nil
}
