package carom

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/carom-ipc/carom/shm"
)

// handle is the untyped part of a handle to an object in shared memory. Its methods
// work on nil, as which nil handles and the zero values of their types have it.
type handle struct {
	m      *Manager
	obj    *shm.Handle   // where this process maps the memory
	r      *remoteObject // where the coordinator performs the operations
	kind   shm.Kind
	name   string
	closed atomic.Bool
}

// options that each kind's constructor takes.
var kindOptions = map[shm.Kind][]string{
	shm.Value:            {"Exclusive", "Initial"},
	shm.Array:            {"Exclusive", "InitialSlice", "Initial"},
	shm.Queue:            {"Exclusive", "Cap", "AtLeastOnce"},
	shm.ByteQueue:        {"Exclusive", "Cap"},
	shm.Lock:             {"Exclusive", "AutoRecover"},
	shm.RLock:            {"Exclusive", "AutoRecover"},
	shm.Semaphore:        {"Exclusive", "Permits"},
	shm.BoundedSemaphore: {"Exclusive"},
	shm.Condition:        {"Exclusive"},
	shm.Event:            {"Exclusive"},
	shm.Barrier:          {"Exclusive", "BarrierAction", "BarrierTimeout"},
}

func readOptions(kind shm.Kind, opts []Option) (o options, err error) {
	for _, opt := range opts {
		if opt != nil {
			opt.apply(&o)
		}
	}
	for _, used := range o.used {
		if !slices.Contains(kindOptions[kind], used) {
			return o, fmt.Errorf("%w: a %v has no option %s", ErrType, kind, used)
		}
	}
	return o, nil
}

// openHandle makes sure that the object is there and attaches it.
func openHandle(m *Manager, op string, s shm.Spec) (*handle, bool, error) {
	h := &handle{m: m, kind: s.Kind, name: s.Name}
	if err := m.check(op); err != nil {
		return nil, false, h.wrap(op, err)
	}
	if err := m.over(op); err != nil {
		return nil, false, h.wrap(op, err)
	}
	ctx, cancel := constructorContext(m)
	defer cancel()
	obj, created, err := m.arena.Open(ctx, s)
	if err != nil {
		return nil, false, h.wrap(op, err)
	}
	h.obj, h.name = obj, obj.Name
	return h, created, nil
}

// constructorContext bounds a constructor.
func constructorContext(m *Manager) (context.Context, context.CancelFunc) {
	c := &lazyTimeout{Context: m.ctx, limit: m.opts.Timeout}
	return c, c.stop
}

// opened is a constructor's result: no handle where there is an error.
func opened[H any](h *H, err error) (*H, error) {
	if err != nil {
		return nil, err
	}
	return h, nil
}

// bind remembers how to take the pointers of the fast path away, when the handle or
// the manager is closed.
func (h *handle) bind(lost func()) {
	h.obj.Bind(lost, nil)
}

func (h *handle) nameOf() string {
	if h == nil {
		return ""
	}
	return h.name
}

// wrap says what failed on which object; a context's error goes through unchanged.
func (h *handle) wrap(op string, err error) error {
	if err == nil || isContextError(err) {
		return err
	}
	if inner, ok := err.(*OpError); ok && inner.Op == op {
		err = inner.Err
	}
	return &OpError{Op: op, Kind: h.kind.String(), Name: h.name, Err: err}
}

// gone is the error of a handle that cannot be used: nil, closed, or of a closed manager.
func (h *handle) gone(kind shm.Kind, op string) error {
	switch {
	case h == nil:
		return &OpError{Op: op, Kind: kind.String(), Err: errNoHandle}
	case h.closed.Load() || h.detached():
		return &OpError{Op: op, Kind: kind.String(), Name: h.name, Err: ErrClosed}
	}
	return nil
}

func (h *handle) detached() bool {
	if h.r != nil {
		return h.m.ctx.Err() != nil
	}
	return h.obj.Closed()
}

// away is what use of a handle without pointers into the arena comes to: nil of a remote
// one, else an error.
func (h *handle) away(kind shm.Kind, op string) error {
	if err := h.gone(kind, op); err != nil || h.r != nil {
		return err
	}
	return h.wrap(op, ErrClosed)
}

func (h *handle) close(kind shm.Kind) error {
	if err := h.gone(kind, "close"); err != nil {
		return err
	}
	if h.closed.Swap(true) {
		return h.wrap("close", ErrClosed)
	}
	if h.r != nil {
		return h.wrap("close", h.r.close(kind.String()))
	}
	ctx, cancel := constructorContext(h.m)
	defer cancel()
	return h.wrap("close", h.obj.Close(ctx))
}

// wrapBarrier is wrap for a deadline that also broke the barrier: that is no context's
// error unchanged.
func (h *handle) wrapBarrier(op string, err error) error {
	if err != nil && errors.Is(err, ErrBroken) {
		return &OpError{Op: op, Kind: h.kind.String(), Name: h.name, Err: err}
	}
	return h.wrap(op, err)
}
