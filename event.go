package carom

import (
	"context"
	"sync/atomic"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/shm"
)

// Event is a flag that processes wait for. A waiter that dies leaves no trace.
type Event struct {
	word atomic.Pointer[futex.Event] // nil once closed
	d    *futex.Domain
	h    *handle
}

// NewEvent makes sure that there is an event called name, and attaches to it. ""
// asks for a name of its own. It begins cleared. Errors: ErrType if the name belongs to
// something else, ErrExists with the option Exclusive, ErrNoMemory.
func NewEvent(m *Manager, name string, opts ...Option) (*Event, error) {
	e := new(Event)
	return opened(e, e.open(m, "new", name, opts))
}

// OpenEvent attaches to the event called name. ErrNotFound: there is none.
func OpenEvent(m *Manager, name string) (*Event, error) {
	e := new(Event)
	return opened(e, e.open(m, "open", name, nil))
}

func (e *Event) open(m *Manager, op, name string, opts []Option) error {
	o, err := readOptions(shm.Event, opts)
	if err != nil {
		return (&handle{kind: shm.Event, name: name}).wrap(op, err)
	}
	if m.isRemote() {
		e.h, err = openRemoteHandle(m, op, shm.Event, name, "", o.exclusive, coord.AppendArray(nil, 0))
		return err
	}
	h, _, err := openHandle(m, op, shm.Spec{Name: name, Kind: shm.Event, Payload: shm.EventPayload,
		Exclusive: o.exclusive, OpenOnly: op == "open"})
	if err != nil {
		return err
	}
	e.h, e.d = h, m.arena.Domain()
	e.word.Store(shm.EventOf(h.obj.Object))
	h.bind(func() { e.word.Store(nil) })
	return nil
}

// use is where the event is; nil without an error where that is at the coordinator.
func (e *Event) use(op string) (*futex.Event, error) {
	if e != nil {
		if w := e.word.Load(); w != nil {
			return w, nil
		}
	}
	return nil, e.away(op)
}

func (e *Event) away(op string) error {
	if e == nil {
		return (*handle)(nil).away(shm.Event, op)
	}
	return e.h.away(shm.Event, op)
}

// Set raises the flag and wakes all who wait.
func (e *Event) Set() error {
	w, err := e.use("set")
	if err != nil {
		return err
	}
	if w == nil {
		return e.h.tell("set", "set", nil)
	}
	e.h.obj.Release()
	w.Set(e.d)
	return nil
}

// Clear lowers the flag.
func (e *Event) Clear() error {
	w, err := e.use("clear")
	if err != nil {
		return err
	}
	if w == nil {
		return e.h.tell("clear", "clear", nil)
	}
	w.Clear()
	return nil
}

// IsSet reports the flag.
func (e *Event) IsSet() bool {
	w, err := e.use("is set")
	if err != nil {
		return false
	}
	if w == nil {
		return e.isSetRemote()
	}
	set := w.IsSet()
	e.h.obj.Acquire()
	return set
}

// Wait returns nil once the event is set, or was set since Wait began. Errors:
// ErrClosed, the context's.
func (e *Event) Wait(ctx context.Context) error {
	w, err := e.use("wait")
	if err != nil {
		return err
	}
	if w == nil {
		return e.h.ask(ctx, "wait", "wait", nil)
	}
	if err := w.Wait(ctx, e.d); err != nil {
		return e.h.wrap("wait", err)
	}
	e.h.obj.Acquire()
	return nil
}

// Name is the name by which other processes open the event.
func (e *Event) Name() string {
	if e == nil {
		return ""
	}
	return e.h.nameOf()
}

// Err says why the last IsSet was false: ErrClosed; on a remote handle also what the
// round trip failed with; or nil.
func (e *Event) Err() error {
	w, err := e.use("use")
	if w == nil && err == nil {
		return e.h.lastErr()
	}
	return err
}

// Close detaches this handle.
func (e *Event) Close() error {
	if e == nil {
		return e.away("close")
	}
	return e.h.close(shm.Event)
}

// MarshalCBOR encodes the handle: its manager, kind and name.
func (e *Event) MarshalCBOR() ([]byte, error) {
	if e == nil {
		return cborNull, nil
	}
	return marshalHandle(e.h)
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (e *Event) UnmarshalCBOR(b []byte) error {
	m, name, err := unmarshalHandle(b, shm.Event)
	if err != nil {
		return err
	}
	return e.open(m, "open", name, nil)
}
