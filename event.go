package carom

import (
	"context"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/shm"
)

// Event is a flag that processes wait for. A waiter that dies leaves no trace.
//
// A Close that overlaps with Set or Clear of the same handle is the program's own race, as they
// may be one instruction each: they may or may not take place.
type Event struct{ base[futex.Event] }

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
	return opened(e, e.reopen(m, name))
}

func (e *Event) reopen(m *Manager, name string) error { return e.open(m, "open", name, nil) }

func (e *Event) open(m *Manager, op, name string, opts []Option) error {
	o, err := readOptions(shm.Event.String(), opts)
	if err != nil {
		return opError(op, shm.Event.String(), name, err)
	}
	w := wanted{op: op, spec: shm.Spec{Name: name, Kind: shm.Event, Payload: shm.EventPayload, Exclusive: o.exclusive}}
	if isServed(m) {
		w.params = coord.AppendArray(nil, 0)
	}
	h, err := openShared(m, w)
	if err != nil {
		return err
	}
	if e.h = h; h.obj != nil {
		e.bind(h, shm.EventOf(h.obj.Object), nil)
	}
	return nil
}

// Set raises the flag and wakes all who wait.
func (e *Event) Set() error {
	if !shm.Race {
		if w := e.local.Load(); w != nil && w.TrySet() {
			return nil
		}
	}
	return e.setSlow()
}

func (e *Event) setSlow() error {
	const op = "set"
	w, err := e.use(op)
	if err != nil {
		return err
	}
	if w == nil {
		return e.h.tell(op, "set", nil)
	}
	defer e.leave()
	e.h.publish()
	w.Set(e.h.m.arena.Domain())
	return nil
}

// Clear lowers the flag.
func (e *Event) Clear() error {
	if !shm.Race {
		if w := e.local.Load(); w != nil && w.TryClear() {
			return nil
		}
	}
	return e.clearSlow()
}

func (e *Event) clearSlow() error {
	const op = "clear"
	w, err := e.use(op)
	if err != nil {
		return err
	}
	if w == nil {
		return e.h.tell(op, "clear", nil)
	}
	defer e.leave()
	w.Clear()
	return nil
}

// IsSet reports the flag; false once the handle is closed.
func (e *Event) IsSet() (set bool) {
	const op = "is set"
	w, err := e.use(op)
	switch {
	case err != nil:
		return false
	case w == nil:
		_ = e.h.look(op, "isset", intoBool(&set))
		return set
	}
	defer e.leave()
	set = w.IsSet()
	e.h.observe()
	return set
}

// Wait returns nil once the event is set, or was set since Wait began. Errors:
// ErrClosed, the context's.
func (e *Event) Wait(ctx context.Context) error {
	if !shm.Race {
		if w := e.local.Load(); w != nil && w.IsSet() {
			return nil
		}
	}
	return e.waitSlow(ctx)
}

func (e *Event) waitSlow(ctx context.Context) error {
	const op = "wait"
	w, err := e.use(op)
	if err != nil {
		return err
	}
	if w == nil {
		return e.h.ask(ctx, op, "wait", nil)
	}
	defer e.leave()
	if !w.IsSet() {
		if err := w.Wait(ctx, e.h.obj.Domain()); err != nil {
			return e.h.fail(op, err)
		}
	}
	e.h.observe()
	return nil
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (e *Event) UnmarshalCBOR(b []byte) error { return e.attach(b, "Event", e.reopen) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (e *Event) UnmarshalJSON(b []byte) error { return e.attach(b, "Event", e.reopen) }
