package codec

import (
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// handles are the types that package carom registered.
var handles struct {
	ref    reflect.Type // what a handle becomes that meets an any
	marker reflect.Type // an interface of all handles, and of structs that embed one
}

// handleTags are shared with the modes, which see what is added later.
var handleTags = cbor.NewTagSet()

// RegisterHandle says what a handle becomes that meets an any: a ref, which reads itself. tag
// is the CBOR tag of handles, and marker an interface that they and nothing else implement. It
// is for init, and panics the second time.
func RegisterHandle(ref reflect.Type, tag uint64, marker reflect.Type) {
	if err := handleTags.Add(cbor.TagOptions{DecTag: cbor.DecTagOptional}, ref, tag); err != nil {
		panic(err)
	}
	handles.ref, handles.marker = ref, marker
}

// isHandle tells whether t, which is no pointer, is a handle or a struct that embeds one.
func isHandle(t reflect.Type) bool {
	return handles.marker != nil && t.Kind() == reflect.Struct && reflect.PointerTo(t).Implements(handles.marker)
}

// embedsRef tells whether t embeds a handles.ref by value, as proxies do.
func embedsRef(t reflect.Type) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct && (f.Type == handles.ref || embedsRef(f.Type)) {
			return true
		}
	}
	return false
}

// holdsHandle tells whether t is a handle or has one in it.
func holdsHandle(t reflect.Type, seen map[reflect.Type]bool) bool {
	t = target(t)
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return holdsHandle(t.Elem(), seen)
	case reflect.Map:
		return holdsHandle(t.Key(), seen) || holdsHandle(t.Elem(), seen)
	case reflect.Struct:
		if isHandle(t) {
			return true
		}
		for i := range t.NumField() {
			if holdsHandle(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}
