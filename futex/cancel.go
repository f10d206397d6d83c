package futex

import (
	"context"
	"sync"
	"time"
)

// endings are a process's registrations with contexts. One costs some objects and 0.4 µs,
// so it outlives the sleep that it was made for: who sleeps again with the same context
// finds it.
type endings struct {
	mu   sync.Mutex
	open map[<-chan struct{}]*ending // by the context's Done
	idle [idleEndings]*ending        // those without a sleeper; the next takes the oldest's place
	next int
}

// idleEndings is how many contexts that nobody waits on are kept from the collector, each
// until it ends at the latest.
const idleEndings = 16

// ending is one registration.
type ending struct {
	all      *endings
	done     <-chan struct{}
	stop     func() bool
	ended    bool     // guarded by all.mu
	sleepers *sleeper // likewise, a list
	place    int      // likewise; in all.idle, or -1
}

// enter has ctx end the sleep of s.
func (c *endings) enter(ctx context.Context, s *sleeper) {
	done := ctx.Done()
	c.mu.Lock()
	e := c.open[done]
	if e == nil {
		c.mu.Unlock()
		fresh := &ending{all: c, done: done, place: -1}
		fresh.stop = afterFunc(ctx, fresh.fire)
		c.mu.Lock()
		if e = c.open[done]; e != nil {
			defer fresh.stop()
		} else if e = fresh; !e.ended {
			if c.open == nil {
				c.open = make(map[<-chan struct{}]*ending)
			}
			c.open[done] = e
		}
	}
	if e.place >= 0 {
		c.idle[e.place], e.place = nil, -1
	}
	s.ending = e
	if s.after = e.sleepers; s.after != nil {
		s.after.before = s
	}
	e.sleepers = s
	ended := e.ended
	c.mu.Unlock()
	if ended {
		s.end()
	}
}

// leave is enter's opposite. It reports false if the context has ended: then fire may
// still be at work on s.
func (c *endings) leave(s *sleeper) bool {
	e := s.ending
	c.mu.Lock()
	if e.ended {
		c.mu.Unlock()
		return false
	}
	if s.after != nil {
		s.after.before = s.before
	}
	if s.before != nil {
		s.before.after = s.after
	} else {
		e.sleepers = s.after
	}
	var oldest *ending
	if e.sleepers == nil {
		oldest = c.idle[c.next]
		c.idle[c.next], e.place = e, c.next
		c.next = (c.next + 1) % idleEndings
		if oldest != nil {
			delete(c.open, oldest.done)
		}
	}
	c.mu.Unlock()
	if oldest != nil {
		oldest.stop()
	}
	return true
}

// fire is the context's end.
func (e *ending) fire() {
	c := e.all
	c.mu.Lock()
	e.ended = true
	if c.open[e.done] == e {
		delete(c.open, e.done)
	}
	if e.place >= 0 {
		c.idle[e.place], e.place = nil, -1
	}
	first := e.sleepers // from here on the list does not change
	c.mu.Unlock()
	for s := first; s != nil; s = s.after {
		s.end()
	}
	// Where a private word cannot be waited for beside the shared one, the wake-up is
	// repeated until it is acknowledged: it may come between the sleeper's look at ended
	// and its sleep.
	for pause := 10 * time.Microsecond; waitvMissing.Load(); pause *= 2 {
		left := 0
		for s := first; s != nil; s = s.after {
			if s.acked.Load() == 0 {
				wakeBits(s.word, s.bits)
				left++
			}
		}
		if left == 0 {
			return
		}
		nap(min(pause, time.Millisecond))
	}
}

// close forgets the contexts that nobody waits on.
func (c *endings) close() {
	c.mu.Lock()
	idle := c.idle
	clear(c.idle[:])
	for _, e := range idle {
		if e != nil {
			delete(c.open, e.done)
		}
	}
	c.mu.Unlock()
	for _, e := range idle {
		if e != nil {
			e.stop()
		}
	}
}
