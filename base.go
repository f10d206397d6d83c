package carom

import (
	"fmt"
	"sync/atomic"

	"github.com/carom-ipc/carom/shm"
)

// base is what every handle type embeds. Where this process maps the object, local performs
// the operations; elsewhere h asks the coordinator. The zero base is closed.
type base[E any] struct {
	local atomic.Pointer[E] // nil where the coordinator performs them, and once closed
	h     *handle
}

// marked is what handles are known by, and structs that embed one.
type marked interface{ isHandle() }

func (*base[E]) isHandle() {}

// none is the E of kinds that no process maps.
type none struct{}

// Name is the name by which other processes open the object.
func (b *base[E]) Name() string {
	if b.h == nil {
		return ""
	}
	return b.h.name
}

// Err says why the last method without an error could not do its work: ErrClosed once the
// handle or its manager is closed, where the coordinator performs the operations also what
// the round trip failed with; nil if it could.
func (b *base[E]) Err() error {
	if err := b.h.gone("use"); err != nil || b.h.r == nil {
		return err
	}
	return b.h.r.lastErr()
}

// Close detaches this handle; the object stays, for its other handles and under its name.
// Calls that wait inside end with ErrClosed and take nothing with them, others go on to
// their ends. The handle detaches when the last has left. ErrClosed: it was closed already.
func (b *base[E]) Close() error { return b.h.close() }

// MarshalCBOR encodes the handle: its manager, and the kind and the name of the object.
func (b *base[E]) MarshalCBOR() ([]byte, error) { return b.h.marshal() }

// MarshalJSON encodes the handle: its manager, and the kind and the name of the object.
func (b *base[E]) MarshalJSON() ([]byte, error) { return toJSON(b.h.marshal()) }

// attach is UnmarshalCBOR and UnmarshalJSON of the handle types: it opens the object of the
// kind that the handle in data names, through the manager that it names.
func (b *base[E]) attach(data []byte, kind string, open func(m *Manager, name string) error) error {
	w, m, err := readHandle(data)
	if err != nil {
		return err
	}
	if w.Kind != kind {
		return fmt.Errorf("a handle of a %s, wanted a %s: %w", w.Kind, kind, ErrType)
	}
	return open(m, w.Name)
}

// use begins a call: it returns what performs the operation, nil where the coordinator does.
// Unless there is an error, leave ends the call. What a call that has begun works on stays
// where it is, also when the handle is closed meanwhile.
func (b *base[E]) use(op string) (*E, error) {
	if local := b.local.Load(); local != nil && b.h.obj.Enter() {
		return local, nil
	}
	return b.useSlow(op)
}

func (b *base[E]) useSlow(op string) (*E, error) {
	if err := b.h.enter(op); err != nil {
		return nil, err
	}
	if local := b.local.Load(); local != nil || b.h.obj == nil {
		return local, nil
	}
	b.leave()
	return nil, b.h.closedErr(op)
}

func (b *base[E]) leave() { b.h.leave() }

// bind makes local perform the operations, until the handle or its manager is closed. last
// (may be nil) is called when the handle is closed and no call is inside any more.
func (b *base[E]) bind(h *handle, local *E, last func()) {
	b.h = h
	b.local.Store(local)
	h.obj.Bind(func() { b.local.Store(nil) }, last)
}

// serve makes sure that there is an object called name of a kind that the coordinator keeps,
// and attaches to it.
func (b *base[E]) serve(m *Manager, op, kind, name, typ string, opts []Option) error {
	o, err := readOptions(kind, opts)
	if err != nil {
		return opError(op, kind, name, err)
	}
	b.h, err = openServed(m, kind, name, wanted{op: op, spec: shm.Spec{Type: typ, Exclusive: o.exclusive}})
	return err
}
