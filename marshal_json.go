package carom

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Handles in arguments and results that another codec than CBOR encodes: as JSON they
// are {"carom": [manager, kind, name]}, the manager's id in hex. A handle that meets an
// any stays such a map.
type jsonHandle struct {
	Carom [3]string `json:"carom"`
}

func toJSON(b []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	if bytes.Equal(b, cborNull) {
		return []byte("null"), nil
	}
	w, _, err := parseHandle(b)
	if err != nil {
		return nil, err
	}
	return json.Marshal(jsonHandle{[3]string{hex.EncodeToString(w.Manager), w.Kind, w.Name}})
}

// fromJSON has attach read the CBOR of the handle in b; null is none.
func fromJSON(b []byte, attach func([]byte) error) error {
	if bytes.Equal(bytes.TrimSpace(b), []byte("null")) {
		return nil
	}
	var j jsonHandle
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("a handle: %w: %w", ErrType, err)
	}
	manager, err := hex.DecodeString(j.Carom[0])
	if err != nil {
		return fmt.Errorf("a handle: %w: %w", ErrType, err)
	}
	w, err := marshalWire(wireHandle{Manager: manager, Kind: j.Carom[1], Name: j.Carom[2]})
	if err != nil {
		return err
	}
	return attach(w)
}

// MarshalJSON encodes the handle: its manager, kind and name.
func (v *Value[T]) MarshalJSON() ([]byte, error) { return toJSON(v.MarshalCBOR()) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (v *Value[T]) UnmarshalJSON(b []byte) error { return fromJSON(b, v.UnmarshalCBOR) }

// MarshalJSON encodes the handle: its manager, kind and name.
func (a *Array[T]) MarshalJSON() ([]byte, error) { return toJSON(a.MarshalCBOR()) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (a *Array[T]) UnmarshalJSON(b []byte) error { return fromJSON(b, a.UnmarshalCBOR) }

// MarshalJSON encodes the handle: its manager, kind and name.
func (q *Queue[T]) MarshalJSON() ([]byte, error) { return toJSON(q.MarshalCBOR()) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (q *Queue[T]) UnmarshalJSON(b []byte) error { return fromJSON(b, q.UnmarshalCBOR) }

// MarshalJSON encodes the handle: its manager, kind and name.
func (q *ByteQueue) MarshalJSON() ([]byte, error) { return toJSON(q.MarshalCBOR()) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (q *ByteQueue) UnmarshalJSON(b []byte) error { return fromJSON(b, q.UnmarshalCBOR) }

// MarshalJSON encodes the handle: its manager, kind and name.
func (l *Lock) MarshalJSON() ([]byte, error) { return toJSON(l.MarshalCBOR()) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (l *Lock) UnmarshalJSON(b []byte) error { return fromJSON(b, l.UnmarshalCBOR) }

// MarshalJSON encodes the handle: its manager, kind and name.
func (l *RLock) MarshalJSON() ([]byte, error) { return toJSON(l.MarshalCBOR()) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (l *RLock) UnmarshalJSON(b []byte) error { return fromJSON(b, l.UnmarshalCBOR) }

// MarshalJSON encodes the handle: its manager, kind and name.
func (s *Semaphore) MarshalJSON() ([]byte, error) { return toJSON(s.MarshalCBOR()) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (s *Semaphore) UnmarshalJSON(b []byte) error { return fromJSON(b, s.UnmarshalCBOR) }

// MarshalJSON encodes the handle: its manager, kind and name.
func (s *BoundedSemaphore) MarshalJSON() ([]byte, error) { return toJSON(s.MarshalCBOR()) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (s *BoundedSemaphore) UnmarshalJSON(b []byte) error { return fromJSON(b, s.UnmarshalCBOR) }

// MarshalJSON encodes the handle: its manager, kind and name.
func (c *Condition) MarshalJSON() ([]byte, error) { return toJSON(c.MarshalCBOR()) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (c *Condition) UnmarshalJSON(b []byte) error { return fromJSON(b, c.UnmarshalCBOR) }

// MarshalJSON encodes the handle: its manager, kind and name.
func (e *Event) MarshalJSON() ([]byte, error) { return toJSON(e.MarshalCBOR()) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (e *Event) UnmarshalJSON(b []byte) error { return fromJSON(b, e.UnmarshalCBOR) }

// MarshalJSON encodes the handle: its manager, kind and name.
func (b *Barrier) MarshalJSON() ([]byte, error) { return toJSON(b.MarshalCBOR()) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (b *Barrier) UnmarshalJSON(j []byte) error { return fromJSON(j, b.UnmarshalCBOR) }

// MarshalJSON encodes the handle: its manager, kind and name.
func (d *Dict[K, V]) MarshalJSON() ([]byte, error) { return toJSON(d.MarshalCBOR()) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (d *Dict[K, V]) UnmarshalJSON(b []byte) error { return fromJSON(b, d.UnmarshalCBOR) }

// MarshalJSON encodes the handle: its manager, kind and name.
func (l *List[T]) MarshalJSON() ([]byte, error) { return toJSON(l.MarshalCBOR()) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (l *List[T]) UnmarshalJSON(b []byte) error { return fromJSON(b, l.UnmarshalCBOR) }

// MarshalJSON encodes the handle: its manager, kind and name.
func (n *Namespace) MarshalJSON() ([]byte, error) { return toJSON(n.MarshalCBOR()) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (n *Namespace) UnmarshalJSON(b []byte) error { return fromJSON(b, n.UnmarshalCBOR) }

// MarshalJSON encodes the handle: its manager, kind and name.
func (r Ref) MarshalJSON() ([]byte, error) { return toJSON(r.MarshalCBOR()) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (r *Ref) UnmarshalJSON(b []byte) error { return fromJSON(b, r.UnmarshalCBOR) }
