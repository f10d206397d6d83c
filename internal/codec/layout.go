package codec

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"sync"

	"github.com/carom-ipc/carom/internal/errs"
)

// Layout is what processes must agree on about an element type in shared
// memory.
type Layout struct {
	Signature string
	Size      uint64
	Err       error // why the type cannot be in shared memory
}

var layouts sync.Map // reflect.Type → Layout

// LayoutOf examines T once.
func LayoutOf[T any]() Layout {
	t := reflect.TypeFor[T]()
	if l, ok := layouts.Load(t); ok {
		return l.(Layout)
	}
	l := Layout{Size: uint64(t.Size())}
	if field, why := findPointer(t, t.String()); why != "" {
		l.Err = fmt.Errorf("%w: %s %s, which means nothing to another process", errs.ErrType, field, why)
	} else {
		l.Signature = fixedSignature(t)
	}
	layouts.Store(t, l)
	return l
}

// CanTravel says why elements cannot go to the coordinator as they lie in memory. On the
// wire they are little-endian.
func (l Layout) CanTravel() error {
	if l.Size > 1 && binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return fmt.Errorf("%w: elements of %d bytes on a remote handle of a big-endian machine", errs.ErrType, l.Size)
	}
	return nil
}

// findPointer names the first part of t that is not of fixed size and free of
// pointers.
func findPointer(t reflect.Type, path string) (field, why string) {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return "", ""
	case reflect.Array:
		return findPointer(t.Elem(), path+"[]")
	case reflect.Struct:
		for i := range t.NumField() {
			if field, why = findPointer(t.Field(i).Type, path+"."+t.Field(i).Name); why != "" {
				return field, why
			}
		}
		return "", ""
	}
	return path, fmt.Sprintf("is a %v", t)
}

// fixedSignature describes kinds, sizes and offsets. Names of types do not count: two
// programs may call the same layout differently.
func fixedSignature(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Array:
		return fmt.Sprintf("[%d]%s", t.Len(), fixedSignature(t.Elem()))
	case reflect.Struct:
		s := "struct{"
		for i := range t.NumField() {
			f := t.Field(i)
			if i > 0 {
				s += "; "
			}
			s += fmt.Sprintf("%s@%d %s", f.Name, f.Offset, fixedSignature(f.Type))
		}
		return fmt.Sprintf("%s}%d", s, t.Size())
	case reflect.Int, reflect.Uint, reflect.Uintptr:
		return fmt.Sprintf("%s%d", t.Kind(), 8*t.Size())
	}
	return t.Kind().String()
}
