//go:build carom_sched

package sched

import (
	"context"
	"time"
)

// Context is a context that a thread of the schedule ends. Looking at it is a point of
// the schedule.
type Context struct {
	s      *Schedule
	done   chan struct{}
	err    error
	after  map[int]func()
	nextID int
}

// NewContext returns a context that has not ended.
func (s *Schedule) NewContext() *Context {
	return &Context{s: s, done: make(chan struct{}), after: make(map[int]func())}
}

// End ends the context with context.Canceled or context.DeadlineExceeded. What was
// registered with AfterFunc runs in threads of its own.
func (c *Context) End(err error) {
	c.s.point()
	if c.err != nil {
		return
	}
	c.err = err
	close(c.done)
	for id := range c.nextID {
		if f := c.after[id]; f != nil {
			delete(c.after, id)
			c.s.Go(c.s.current.proc, "after the context", f)
		}
	}
}

// Err implements context.Context.
func (c *Context) Err() error { c.s.point(); return c.err }

// Done implements context.Context.
func (c *Context) Done() <-chan struct{} { return c.done }

// Deadline implements context.Context.
func (c *Context) Deadline() (time.Time, bool) { return time.Time{}, false }

// Value implements context.Context.
func (c *Context) Value(any) any { return nil }

// AfterFunc is context.AfterFunc.
func AfterFunc(ctx context.Context, f func()) (stop func() bool) {
	c, ours := ctx.(*Context)
	if !ours {
		return context.AfterFunc(ctx, f)
	}
	id := c.nextID
	c.nextID++
	c.after[id] = f
	if c.err != nil {
		delete(c.after, id)
		c.s.Go(c.s.current.proc, "after the context", f)
	}
	return func() bool {
		_, pending := c.after[id]
		delete(c.after, id)
		return pending
	}
}
