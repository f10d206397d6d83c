package shm

import (
	"context"
	"time"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
)

// watcher watches the process's successor in the ring of slots, with one thread.
// Whoever notices any death looks at all slots, so by induction no death goes
// unnoticed while a process lives: the watcher of a dead watcher finds its charge
// too.
type watcher struct {
	d    *futex.Domain // its way of waiting, below the sentry
	done chan struct{}
}

// lookAgain is how often every process looks at all slots, whatever it was told. A
// watcher that is stopped (SIGSTOP, a debugger) tells nobody.
const lookAgain = 400 * time.Millisecond

// lingerPoll is how soon a dead process is asked whether its last thread is gone, and whether
// what a sweep had to leave can be done; then half as often with each time, because somebody
// may be stopped who has what it needs.
const lingerPoll = 2 * time.Millisecond

// present reports that the slot's process is there to be watched: it lives, or joins and
// has its liveness word. One that died while joining holds nothing; it is passed over, and
// so are guests, who die with their hosts.
func (a *Arena) present(i uint32) bool {
	s := a.slot(i)
	switch identState(atom.Load32(&s.ident)) {
	case slotLive:
		return a.hostOf(i) == 0
	case slotJoining:
		live := atom.Load32(&s.live)
		return a.hostOf(i) == 0 && live != 0 && live&futexOwnerDied == 0 && a.probe(i)
	}
	return false
}

// kickPredecessor tells the process before this one in the ring to look again. Each
// joiner does so after its liveness word is kept, and looks for its own successor
// later: of two who join at once, one sees the other.
func (a *Arena) kickPredecessor() {
	top := a.procTop()
	for i := a.self.Slot() - 1; i != a.self.Slot(); i-- {
		if i == 0 || i > top {
			i = top + 1
			if a.self.Slot() > top {
				return
			}
			continue
		}
		if s := a.slot(i); a.present(i) {
			atom.Add32(&s.kick, 1)
			a.sentry.WakeAll(&s.kick)
			if a.Alive(futex.MakeID(i, identGen(atom.Load32(&s.ident)))) {
				return
			}
		}
	}
}

// successor is the next slot in the ring in which somebody is present, 0 if there is no
// other.
func (a *Arena) successor() uint32 { return a.after(a.self.Slot()) }

// after is the successor of slot me.
func (a *Arena) after(me uint32) uint32 {
	top := a.procTop()
	for n, i := uint32(0), me; n < top; n++ {
		if i++; i > top {
			i = 1
		}
		if i == me {
			return 0
		}
		if a.present(i) {
			return i
		}
	}
	return 0
}

func (w *watcher) start(a *Arena) {
	w.d, w.done = a.sentry.Visit(), make(chan struct{})
	go w.run(a)
}

func (w *watcher) stop() {
	w.d.Close()
	<-w.done
}

func (w *watcher) run(a *Arena) {
	defer close(w.done)
	me := a.slot(a.self.Slot())
	ctx := context.Background()
	linger := lingerPoll
	for last := time.Now(); !w.d.Closed(); {
		if time.Since(last) >= lookAgain {
			a.sweepAll(w.d)
			last = time.Now()
		}
		kick := atom.Load32(&me.kick)
		next := a.successor()
		if next == 0 {
			w.d.Watch(ctx, &me.kick, kick, nil, 0, 0)
			continue
		}
		s := a.slot(next)
		watched := atom.Load32(&s.watched)
		if (watched|atom.Load32(&s.live))&futexOwnerDied != 0 || !a.probe(next) {
			if a.sweepAll(w.d) {
				w.d.Watch(ctx, &me.kick, kick, nil, 0, linger)
				linger = min(2*linger, lookAgain)
			} else {
				linger = lingerPoll
			}
			continue
		}
		limit := lookAgain
		if atom.Load32(&s.mode) == liveFile {
			limit = futex.PollEvery
		}
		w.d.Watch(ctx, &me.kick, kick, &s.watched, watched, limit)
	}
}

// probe marks a process whose word the kernel does not keep, if it is dead.
func (a *Arena) probe(i uint32) (alive bool) {
	s := a.slot(i)
	if a.process().owns(i) || atom.Load32(&s.mode) != liveFile || byteLocked(a.file, i) {
		return true
	}
	live := atom.Load32(&s.live)
	if live&futexOwnerDied == 0 && atom.CAS32(&s.live, live, live|futexOwnerDied) {
		a.sentry.WakeAll(&s.live)
	}
	return false
}
