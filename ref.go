package carom

// Ref is a handle whose kind is known only at run time: what a handle in a dict, a list,
// a queue or an argument arrives as where the target is an any. Open the object by its
// Name with the constructor of its Kind.
type Ref struct {
	m    *Manager
	kind string
	name string
}

// Kind is what the object is: "Value", "Dict".
func (r Ref) Kind() string { return r.kind }

// Name is the name by which the object is opened.
func (r Ref) Name() string { return r.name }

// Manager is the one that the object belongs to, nil in the zero Ref.
func (r Ref) Manager() *Manager { return r.m }

// MarshalCBOR encodes the handle as the one that it came from.
func (r Ref) MarshalCBOR() ([]byte, error) {
	if r.m == nil {
		return cborNull, nil
	}
	return marshalName(r.m, r.kind, r.name)
}

// UnmarshalCBOR finds the manager that the handle names.
func (r *Ref) UnmarshalCBOR(b []byte) error {
	w, m, err := readHandle(b)
	if err != nil {
		return err
	}
	r.m, r.kind, r.name = m, w.Kind, w.Name
	return nil
}
