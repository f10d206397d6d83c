package carom

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
type Ref struct{ r *remote }

// Kind is what the object is: "Value", "Dict", or the typeid of a registered type.
func (r Ref) Kind() string {
	if r.r == nil {
		return ""
	}
	return r.r.kind
}

// Name is the name by which the object is opened.
func (r Ref) Name() string { return r.r.nameOf() }

// Manager is the one that the object belongs to, nil in the zero Ref.
func (r Ref) Manager() *Manager {
	if r.r == nil {
		return nil
	}
	m, _ := r.r.b.(*Manager)
	return m
}

// Err is nil, or wraps ErrClosed.
func (r Ref) Err() error { return r.r.errOf("Ref") }

// Close detaches the handle, and all copies of it. An object that a method returned goes
// with the last handle, any other stays.
func (r Ref) Close() error { return r.r.close("Ref") }

// MarshalCBOR encodes the handle: its manager, kind and name.
func (r Ref) MarshalCBOR() ([]byte, error) {
	if r.r == nil {
		return cborNull, nil
	}
	return r.r.marshal()
}

// UnmarshalCBOR finds the manager that the handle names.
func (r *Ref) UnmarshalCBOR(b []byte) error {
	if len(b) == 1 && b[0] == cborNull[0] {
		r.r = nil
		return nil
	}
	w, m, err := readHandle(b)
	if err != nil {
		return err
	}
	r.r = &remote{b: m, kind: w.Kind, name: w.Name}
	return nil
}
