package carom

import (
	"context"

	"github.com/carom-ipc/carom/coord"
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
type Namespace struct{ h *remote }

// NewNamespace makes sure that there is a namespace called name, and attaches
// to it. "" asks for a name of its own. Errors: ErrType if the name belongs to
// something else; with the option Exclusive, ErrExists if it belongs to
// anything.
func NewNamespace(m *Manager, name string, opts ...Option) (*Namespace, error) {
	mode, err := remoteMode("Namespace", name, opts)
	if err != nil {
		return nil, err
	}
	return makeNamespace(m, "new", name, mode)
}

// OpenNamespace attaches to the namespace called name. ErrNotFound: there is
// none.
func OpenNamespace(m *Manager, name string) (*Namespace, error) {
	return makeNamespace(m, "open", name, coord.Attach)
}

func makeNamespace(m *Manager, op, name string, mode coord.Mode) (*Namespace, error) {
	if m == nil {
		return nil, &OpError{Op: op, Kind: "Namespace", Name: name, Err: errNoManager}
	}
	h, err := openRemote(m, op, "Namespace", name, "", mode)
	if err != nil {
		return nil, err
	}
	return &Namespace{h}, nil
}

func (n *Namespace) remote() *remote {
	if n == nil {
		return nil
	}
	return n.h
}

func (n *Namespace) call(op string, args int) *remoteCall {
	return n.remote().call("Namespace", op, args)
}

// Name is the name under which other processes find the namespace.
func (n *Namespace) Name() string { return n.remote().nameOf() }

// Err is nil, or wraps ErrClosed.
func (n *Namespace) Err() error { return n.remote().errOf("Namespace") }

// Close detaches this handle. The namespace stays.
func (n *Namespace) Close() error { return n.remote().close("Namespace") }

// Attrs returns all attributes as they are at one moment.
func (n *Namespace) Attrs(ctx context.Context) (map[string]any, error) {
	q := n.call("attrs", 0)
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
// ErrType: it is not a T.
func (a Attr[T]) Get(ctx context.Context, n *Namespace) (value T, err error) {
	q := n.call("get", 1)
	defer q.end()
	q.text(string(a))
	if q.do(ctx, "get") {
		q.read(&value)
	}
	return value, q.err
}

// Set stores the attribute's value.
func (a Attr[T]) Set(ctx context.Context, n *Namespace, value T) error {
	q := n.call("set", 2)
	defer q.end()
	q.text(string(a))
	q.value(value)
	q.do(ctx, "set")
	return q.err
}

// Delete removes the attribute. It is no error if it is not there.
func (a Attr[T]) Delete(ctx context.Context, n *Namespace) error {
	q := n.call("delete", 1)
	defer q.end()
	q.text(string(a))
	q.do(ctx, "delete")
	return q.err
}
