// Package lazy has a context with a timeout that costs nothing where nobody waits.
//
// Package carom imports it.
package lazy

import (
	"context"
	"sync"
	"time"
)

// WithTimeout is context.WithTimeout, but for the timer, which begins when somebody first
// waits for the context or asks for its error. Constructors take a context to the locks
// below, and hardly ever wait for them. The context has no Deadline of its own.
func WithTimeout(parent context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	c := &timeout{Context: parent, limit: limit}
	return c, c.stop
}

type timeout struct {
	context.Context // the parent
	limit           time.Duration

	once   sync.Once
	timed  context.Context
	cancel context.CancelFunc
}

func (c *timeout) start() context.Context {
	c.once.Do(func() { c.timed, c.cancel = context.WithTimeout(c.Context, c.limit) })
	return c.timed
}

// Done starts the timer.
func (c *timeout) Done() <-chan struct{} { return c.start().Done() }

// Err starts the timer as well: who asks is about to wait.
func (c *timeout) Err() error { return c.start().Err() }

// stop ends the timer, if there is one.
func (c *timeout) stop() {
	c.once.Do(func() { c.timed, c.cancel = c.Context, func() {} })
	c.cancel()
}
