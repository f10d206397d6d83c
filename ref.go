package carom

import "github.com/carom-ipc/carom/internal/codec"

// Ref is a handle to an object of any kind. Those of registered types are used through it,
// with Call, Invoke and Iterate, or through a typed proxy, which is a struct that embeds
// a Ref:
//
//	type Counter struct{ carom.Ref }
//
//	func (c Counter) Increment(ctx context.Context) (int, error) {
//		return carom.Call[int](ctx, c.Ref, "Increment")
//	}
//
// Such a struct is a handle itself: it travels as one, without other fields that it may
// have, and what arrives can be called. A handle that meets an any arrives as a Ref as
// well; an object of carom's own kinds is then opened by its Name, with the constructor
// of its Kind.
//
// Copies of a Ref are one handle: Close of any of them closes all. A Ref that arrived is
// attached with its first use; until then it does not keep its object alive.
type Ref struct{ b *base[none] }

// zeroRef is what the zero Ref refers to.
var zeroRef = new(base[none])

func (r Ref) base() *base[none] {
	if r.b == nil {
		return zeroRef
	}
	return r.b
}

func (Ref) isHandle() {}

func refTo(h *handle) Ref { return Ref{&base[none]{h: h}} }

// Kind is what the object is: "Value", "Dict", or the typeid of a registered type.
func (r Ref) Kind() string {
	if h := r.base().h; h != nil {
		return h.kind
	}
	return ""
}

// Name is the name by which the object is opened.
func (r Ref) Name() string { return r.base().Name() }

// Manager is the one that the object belongs to, nil in the zero Ref.
func (r Ref) Manager() *Manager {
	if h := r.base().h; h != nil {
		return h.m
	}
	return nil
}

// Err is nil, or wraps ErrClosed.
func (r Ref) Err() error { return r.base().Err() }

// Close detaches the handle, and all copies of it; calls under way end with ErrClosed. An
// object that a method returned goes with the last handle, any other stays. ErrClosed: it
// was closed already.
func (r Ref) Close() error { return r.base().Close() }

// MarshalCBOR encodes the handle: its manager, kind and name. The zero Ref is null.
func (r Ref) MarshalCBOR() ([]byte, error) {
	if r.b == nil {
		return codec.Null, nil
	}
	return r.b.MarshalCBOR()
}

// MarshalJSON encodes the handle: its manager, kind and name. The zero Ref is null.
func (r Ref) MarshalJSON() ([]byte, error) {
	if r.b == nil {
		return []byte("null"), nil
	}
	return r.b.MarshalJSON()
}

// UnmarshalCBOR finds the manager that the handle names.
func (r *Ref) UnmarshalCBOR(b []byte) error {
	if r.b = nil; isNull(b) {
		return nil
	}
	w, m, err := readHandle(b)
	if err == nil {
		*r = refTo(&handle{m: m, kind: w.Kind, name: w.Name, r: new(remote)})
	}
	return err
}

// UnmarshalJSON finds the manager that the handle names.
func (r *Ref) UnmarshalJSON(b []byte) error { return r.UnmarshalCBOR(b) }
