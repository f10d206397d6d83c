package carom

import (
	"context"

	"github.com/carom-ipc/carom/internal/codec"
)

// Namespace is a set of named attributes in the coordinator, shared by all
// processes that open it. Attributes are used through an Attr, which gives
// them a type:
//
//	var rate = carom.Attr[float64]("rate")
//
//	err := rate.Set(ctx, ns, 2.5)
//
// Errors are those of Dict.
type Namespace struct{ base[none] }

// NewNamespace makes sure that there is a namespace called name, and attaches
// to it. "" asks for a name of its own. Errors: ErrType if the name belongs to
// something else; with the option Exclusive, ErrExists if it belongs to
// anything.
func NewNamespace(m *Manager, name string, opts ...Option) (*Namespace, error) {
	n := new(Namespace)
	return opened(n, n.open(m, "new", name, opts))
}

// OpenNamespace attaches to the namespace called name. ErrNotFound: there is
// none.
func OpenNamespace(m *Manager, name string) (*Namespace, error) {
	n := new(Namespace)
	return opened(n, n.reopen(m, name))
}

func (n *Namespace) reopen(m *Manager, name string) error { return n.open(m, "open", name, nil) }

func (n *Namespace) open(m *Manager, op, name string, opts []Option) error {
	return n.serve(m, op, "Namespace", name, "", opts)
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (n *Namespace) UnmarshalCBOR(b []byte) error { return n.attach(b, "Namespace", n.reopen) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (n *Namespace) UnmarshalJSON(b []byte) error { return n.attach(b, "Namespace", n.reopen) }

// Attrs returns all attributes as they are at one moment.
func (n *Namespace) Attrs(ctx context.Context) (map[string]any, error) {
	q := n.h.request("attrs", 0)
	defer q.end()
	all := map[string]any{}
	if q.do(ctx, "attrs") {
		q.read(&all)
	}
	if q.err != nil {
		return nil, q.err
	}
	return all, nil
}

// Attr is the name of an attribute of type T.
type Attr[T any] string

// Get returns the attribute's value. ErrNotFound: n has no such attribute;
// ErrType: it does not decode into a T, or part of a T would not arrive (see "Types
// that travel").
func (a Attr[T]) Get(ctx context.Context, n *Namespace) (value T, err error) {
	q := n.h.request("get", 1)
	defer q.end()
	q.text(string(a))
	q.fail(codec.Travels[T]())
	if q.do(ctx, "get") {
		q.read(&value)
	}
	return value, q.err
}

// Set stores the attribute's value. ErrType: part of a T would not arrive.
func (a Attr[T]) Set(ctx context.Context, n *Namespace, value T) error {
	q := n.h.request("set", 2)
	defer q.end()
	q.text(string(a))
	q.fail(codec.Travels[T]())
	q.value(value)
	q.do(ctx, "set")
	return q.err
}

// Delete removes the attribute. It is no error if it is not there.
func (a Attr[T]) Delete(ctx context.Context, n *Namespace) error {
	q := n.h.request("delete", 1)
	defer q.end()
	q.text(string(a))
	q.do(ctx, "delete")
	return q.err
}
