package shm

import (
	"context"
	"time"

	"github.com/carom-ipc/carom/internal/atom"
)

// An access that is one instruction (of a Value of a word's size, of an array's element, of
// a lock, an event or a semaphore that is free) is not counted: it would cost several times
// as much. Such an access may have read its place just before the handle was closed. So the
// memory of an object that has such places stays attached for a while, in quarantine, before
// the process detaches. Objects all of whose calls are counted detach at once; so do a
// guest's, all of whose calls are.
//
// The quarantine is a list in the order in which its objects are to be detached. At its
// front stands what is to be detached at once, and what could not be because somebody held
// the arena's lock for too long.
type quarantine struct {
	first, last *Object
	bytes       uint64
	taker       bool        // somebody is on the way to the arena's lock, and will take all that is due
	stop        func() bool // of the timer; nil if there is none
}

const (
	// quarantineTime is how long an access of one instruction may take: its goroutine may
	// be interrupted, its process may not.
	quarantineTime = time.Second
	// quarantineTick is the least time between two looks, which detach all that is due.
	quarantineTick = 100 * time.Millisecond
	// leaverPatience is how long the last call inside a closed handle, or the timer, waits
	// for the arena's lock, for what can be done later as well.
	leaverPatience = 50 * time.Millisecond
)

// quarantineBytes is how much memory may be in quarantine.
func (a *Arena) quarantineBytes() uint64 { return a.head().budget / 16 }

// letGo takes a handle's part away. With the last, the object is to be detached: due says
// that detachDue is to be called for that. Precondition: mu is held.
func (a *Arena) letGo(h *Handle) (due bool) {
	o := h.Object
	o.drop(h)
	if a.closed || o.handles != nil || a.objects[o.Index] != o {
		return false
	}
	q := &a.quarantine
	if o.holdsPermits() { // perhaps others can release them
		a.keep(o)
		a.setTimer()
		return false
	}
	if !o.bare.Load() || a.host != nil {
		q.prepend(o)
		return true
	}
	o.due = clock() + int64(quarantineTime)
	q.append(o, a.blockSize(o.Off-blockHeadSize)+entrySize)
	if q.bytes > a.quarantineBytes() {
		return true
	}
	a.setTimer()
	return false
}

// detachDue detaches what is due, and the oldest of what is too much. Who finds another on
// the way to the arena's lock leaves it to that one. What ctx leaves undone is done later.
func (a *Arena) detachDue(ctx context.Context) {
	q := &a.quarantine
	a.mu.Lock()
	if q.taker {
		a.mu.Unlock()
		return
	}
	q.taker = true
	a.mu.Unlock()
	err := a.lock(ctx)
	if err == nil {
		defer a.unlock()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	q.taker = false
	if err == nil {
		limit, now := a.quarantineBytes(), clock()
		if q.bytes > limit {
			limit /= 2 // so that not each that comes finds it full again
		}
		for q.first != nil && (q.first.due <= now || q.bytes > limit) {
			o := q.first
			if !a.isHeld(o) {
				a.detach(o)
				continue
			}
			q.remove(o)
			a.keep(o)
		}
	}
	a.setTimer()
}

// setTimer sets the timer if there is something to detach. Precondition: mu is held.
func (a *Arena) setTimer() {
	q := &a.quarantine
	if q.first != nil && q.stop == nil && !a.closed {
		q.stop = later(max(quarantineTick, time.Duration(q.first.due-clock())), a.tick)
	}
}

func (a *Arena) tick() {
	if a.begin() != nil {
		return
	}
	defer a.done()
	a.mu.Lock()
	a.quarantine.stop = nil
	a.mu.Unlock()
	ctx, cancel := patient()
	defer cancel()
	a.detachDue(ctx)
}

// Flush detaches everything that is in quarantine. Errors: ErrClosed, the context's.
func (a *Arena) Flush(ctx context.Context) error {
	if err := a.begin(); err != nil {
		return err
	}
	defer a.done()
	if err := a.lock(ctx); err != nil {
		return err
	}
	defer a.unlock()
	a.detachAll()
	return nil
}

// detachAll detaches everything that is in quarantine, and reports that there was something.
// Precondition: the arena's lock is held by this process, or by its guest.
func (a *Arena) detachAll() (any bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for o := a.quarantine.first; o != nil; {
		next := o.after
		if !a.isHeld(o) {
			a.detach(o)
			any = true
		}
		o = next
	}
	return any
}

// isHeld reports that this process has permits which somebody may release yet, or miss.
// Precondition: both locks are held.
func (a *Arena) isHeld(o *Object) bool {
	return o.holdsPermits() && (a.entry(o.Index).isLive() || a.attachedTo(o.Index) > 1)
}

// keep has a semaphore looked at again later of which this process holds permits: they are
// the process's, and its sweep finds them by what it has attached, until it or another
// releases them. Precondition: mu is held.
func (a *Arena) keep(o *Object) {
	o.due = clock() + int64(quarantineTime)
	a.quarantine.append(o, 0)
}

// detach ends this process's attachment of an object. Precondition: both locks are held.
func (a *Arena) detach(o *Object) {
	a.quarantine.remove(o)
	a.freeSpares(o)
	delete(a.objects, o.Index)
	atom.And64(a.attachment(a.self.Slot(), o.Index), ^uint64(1<<(o.Index%64)))
	a.reap(o.Index)
}

func (q *quarantine) append(o *Object, bytes uint64) {
	o.resting, o.bytes = true, bytes
	q.bytes += bytes
	if o.before = q.last; o.before != nil {
		o.before.after = o
	} else {
		q.first = o
	}
	q.last = o
}

// prepend adds an object that is due at once.
func (q *quarantine) prepend(o *Object) {
	o.resting = true
	if o.after = q.first; o.after != nil {
		o.after.before = o
	} else {
		q.last = o
	}
	q.first = o
}

// remove takes an object out, if it is in.
func (q *quarantine) remove(o *Object) {
	if !o.resting {
		return
	}
	if o.after != nil {
		o.after.before = o.before
	} else {
		q.last = o.before
	}
	if o.before != nil {
		o.before.after = o.after
	} else {
		q.first = o.after
	}
	q.bytes -= o.bytes
	o.before, o.after, o.resting, o.due, o.bytes = nil, nil, false, 0, 0
}
