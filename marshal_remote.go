package carom

import (
	"fmt"

	"github.com/carom-ipc/carom/coord"
)

func (r *remote) marshal() ([]byte, error) {
	if r == nil {
		return nil, errNoHandle
	}
	m, ok := r.b.(*Manager)
	if !ok {
		return nil, fmt.Errorf("a handle without a manager: %w", ErrNotFound)
	}
	return marshalName(m, r.kind, r.name)
}

func unmarshalRemote(b []byte, kind string) (m *Manager, name string, err error) {
	w, m, err := readHandle(b)
	if err != nil {
		return nil, "", err
	}
	if w.Kind != kind {
		return nil, "", fmt.Errorf("a handle of a %s, wanted a %s: %w", w.Kind, kind, ErrType)
	}
	return m, w.Name, nil
}

// MarshalCBOR encodes the handle: its manager, kind and name.
func (d *Dict[K, V]) MarshalCBOR() ([]byte, error) {
	if d == nil {
		return cborNull, nil
	}
	return d.h.marshal()
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (d *Dict[K, V]) UnmarshalCBOR(b []byte) error {
	m, name, err := unmarshalRemote(b, "Dict")
	if err != nil {
		return err
	}
	o, err := makeDict[K, V](m, "open", name, coord.Attach)
	if err == nil {
		d.h = o.h
	}
	return err
}

// MarshalCBOR encodes the handle: its manager, kind and name.
func (l *List[T]) MarshalCBOR() ([]byte, error) {
	if l == nil {
		return cborNull, nil
	}
	return l.h.marshal()
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (l *List[T]) UnmarshalCBOR(b []byte) error {
	m, name, err := unmarshalRemote(b, "List")
	if err != nil {
		return err
	}
	o, err := OpenList[T](m, name)
	if err == nil {
		l.h = o.h
	}
	return err
}

// MarshalCBOR encodes the handle: its manager, kind and name.
func (n *Namespace) MarshalCBOR() ([]byte, error) {
	if n == nil {
		return cborNull, nil
	}
	return n.h.marshal()
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (n *Namespace) UnmarshalCBOR(b []byte) error {
	m, name, err := unmarshalRemote(b, "Namespace")
	if err != nil {
		return err
	}
	o, err := OpenNamespace(m, name)
	if err == nil {
		n.h = o.h
	}
	return err
}
