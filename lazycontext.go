package carom

import (
	"context"
	"sync"
	"time"
)

// lazyTimeout is a context.WithTimeout that makes its timer when somebody first waits
// on it. Constructors take a context to the locks below, and hardly ever wait for them.
type lazyTimeout struct {
	context.Context // the parent
	limit           time.Duration

	once   sync.Once
	timed  context.Context
	cancel context.CancelFunc
}

func (c *lazyTimeout) start() context.Context {
	c.once.Do(func() { c.timed, c.cancel = context.WithTimeout(c.Context, c.limit) })
	return c.timed
}

// Done starts the timer.
func (c *lazyTimeout) Done() <-chan struct{} { return c.start().Done() }

// Err starts the timer as well: who asks is about to wait.
func (c *lazyTimeout) Err() error { return c.start().Err() }

// stop ends the timer, if there is one.
func (c *lazyTimeout) stop() {
	c.once.Do(func() { c.timed, c.cancel = c.Context, func() {} })
	c.cancel()
}
