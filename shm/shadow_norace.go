//go:build !race

package shm

//lint:ignore U1000 only race builds use it
type shadow struct{}

// Race reports whether the race detector is on: only then need Acquire and Release be
// called.
const Race = false

// Acquire says that what was released before on o happened before now. It does
// nothing but under the race detector.
func (o *Object) Acquire() {}

// Release says that what happened until now happened before later acquisitions of o.
func (o *Object) Release() {}
