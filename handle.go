package carom

import (
	"context"
	"fmt"
	"sync"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/lazy"
	"github.com/carom-ipc/carom/internal/naming"
	"github.com/carom-ipc/carom/shm"
)

// handle is the untyped part of a handle: the object's name, and the way to it. Either obj
// or r is there.
type handle struct {
	m    *Manager
	kind string // "Queue", or the typeid of a registered type
	name string
	part bool        // the lock inside another object: it does not travel
	obj  *shm.Handle // where this process maps the object
	r    *remote     // where the coordinator performs the operations
}

// isServed reports that the coordinator performs the operations on m's objects in shared
// memory.
func isServed(m *Manager) bool { return m != nil && m.arena == nil }

// wanted is what a constructor wants to be there.
type wanted struct {
	op     string // "new" or "open"
	spec   shm.Spec
	params []byte // what the coordinator wants to know to make it, where it does
	tenure tenure
}

// opened is a constructor's result: no handle where there is an error.
func opened[H any](h *H, err error) (*H, error) {
	if err != nil {
		return nil, err
	}
	return h, nil
}

// openShared makes sure that an object of a kind in shared memory is there, and attaches it:
// mapped, or through the coordinator.
func openShared(m *Manager, w wanted) (*handle, error) {
	h := &handle{m: m, kind: w.spec.Kind.String(), name: w.spec.Name}
	err := m.admit(w.op)
	if err == nil {
		err = h.baptise(w.op)
	}
	switch {
	case err != nil:
	case m.arena == nil:
		w.tenure = ofSession
		err = h.register(w)
	default:
		ctx, cancel := constructorContext(m)
		defer cancel()
		w.spec.Name, w.spec.OpenOnly = h.name, w.op == "open"
		h.obj, _, err = m.arena.Open(ctx, w.spec)
	}
	if err != nil {
		return nil, h.fail(w.op, err)
	}
	return h, nil
}

// openServed makes sure that an object of a kind that the coordinator keeps is there, and
// attaches it.
func openServed(m *Manager, kind, name string, w wanted) (*handle, error) {
	h := &handle{m: m, kind: kind, name: name}
	err := m.admit(w.op)
	if err == nil {
		err = h.baptise(w.op)
	}
	if err == nil {
		err = h.register(w)
	}
	if err != nil {
		return nil, h.fail(w.op, err)
	}
	return h, nil
}

// register opens the object at the coordinator.
func (h *handle) register(w wanted) error {
	mode := coord.Create
	switch {
	case w.op == "open":
		mode = coord.Attach
	case w.spec.Exclusive:
		mode = coord.Exclusive
	}
	h.r = &remote{typ: w.spec.Type, tenure: w.tenure}
	if mode != coord.Attach {
		h.r.params = w.params
	}
	ctx, cancel := bounded(h.m)
	defer cancel()
	client, err := h.m.dial(ctx)
	if err == nil {
		err = h.open(ctx, client, mode)
	}
	return late(ctx, h.m, err)
}

// baptise checks the name, and makes one where a constructor was given none.
func (h *handle) baptise(op string) error {
	if h.name != "" {
		return naming.Check(h.name)
	}
	if op == "open" {
		return fmt.Errorf("%w: an empty name belongs to nothing: %w", ErrName, ErrNotFound)
	}
	h.name = naming.Random(h.kind)
	return nil
}

// constructorContext bounds a constructor, and what else hardly ever waits.
func constructorContext(m *Manager) (context.Context, context.CancelFunc) {
	return lazy.WithTimeout(m.ctx, m.opts.Timeout)
}

// fail says what failed on which object; a context's error goes through unchanged.
func (h *handle) fail(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case h == nil:
		return errNoHandle(op)
	}
	return opError(op, h.kind, h.name, err)
}

// enter begins a call in which an object that is mapped must not go away. Where there is no
// error, leave ends it.
func (h *handle) enter(op string) error {
	switch {
	case h == nil:
		return errNoHandle(op)
	case h.obj != nil && h.obj.Enter():
		return nil
	case h.obj != nil:
		return h.closedErr(op)
	}
	return h.gone(op)
}

func (h *handle) leave() {
	if h.obj != nil {
		h.obj.Leave()
	}
}

// publish and observe tell the race detector of the edges that shared memory has: what came
// before one's publish, another's observe comes after. Without it they are nothing.
func (h *handle) publish() {
	if shm.Race {
		h.obj.Release()
	}
}

func (h *handle) observe() {
	if shm.Race {
		h.obj.Acquire()
	}
}

// gone is the error of a handle that cannot be used: it was not made by a constructor, or
// it or its manager was closed.
func (h *handle) gone(op string) error {
	switch {
	case h == nil:
		return errNoHandle(op)
	case h.obj != nil && h.obj.Closed(), h.r != nil && (h.r.isClosed() || h.m.ctx.Err() != nil):
		return h.closedErr(op)
	}
	return nil
}

func (h *handle) closedErr(op string) error { return h.fail(op, ErrClosed) }

func errNoHandle(op string) error {
	return opError(op, "", "", fmt.Errorf("%w: the handle was not made by a constructor", ErrClosed))
}

// close closes h, and parts with it, which may be closed already. Options.Timeout bounds all
// of it together.
func (h *handle) close(parts ...*handle) error {
	if err := h.gone("close"); err != nil {
		return err
	}
	ctx, cancel := constructorContext(h.m)
	defer cancel()
	var all sync.WaitGroup
	for _, part := range parts {
		if h.r != nil { // a round trip each
			all.Go(func() { _ = part.end(ctx) })
		}
	}
	err := h.end(ctx)
	for _, part := range parts {
		if h.r == nil {
			_ = part.end(ctx)
		}
	}
	all.Wait()
	return h.fail("close", err)
}

func (h *handle) end(ctx context.Context) error {
	if h.r != nil {
		return h.release(ctx)
	}
	return h.obj.Close(ctx)
}

// again is one more handle on the same object, for its lock. ErrClosed: the arena is closed,
// or h is.
func (h *handle) again() (*handle, error) {
	part := &handle{m: h.m, kind: h.kind, name: h.name, part: true}
	if h.r != nil {
		part.r = h.r.again()
		return part, nil
	}
	obj, err := h.obj.Again()
	part.obj = obj
	return part, err
}

// closedPart is what again gives, closed.
func (h *handle) closedPart() *handle {
	return &handle{m: h.m, kind: h.kind, name: h.name, part: true, r: &remote{closed: true}}
}
