package carom

import (
	"context"
	"sync"
)

// A Group is a set of worker processes that stand or fall together, as an errgroup
// does: the first error ends the others.
type Group struct {
	m      *Manager
	ctx    context.Context
	cancel context.CancelCauseFunc
	all    sync.WaitGroup

	mu  sync.Mutex
	err error
}

// NewGroup makes a group whose processes end with ctx.
func NewGroup(ctx context.Context, m *Manager) *Group {
	g := &Group{m: m}
	g.ctx, g.cancel = context.WithCancelCause(ctx)
	return g
}

func (g *Group) fail(err error) {
	g.mu.Lock()
	if g.err == nil {
		g.err = err
	}
	g.mu.Unlock()
	g.cancel(err)
}

// Wait waits for all processes of the group and returns the first error.
func (g *Group) Wait() error {
	g.all.Wait()
	g.cancel(nil)
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}
