package codec

import (
	"encoding"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/carom-ipc/carom/internal/signature"
)

// Signature describes a type's structure: two types with equal signatures
// have the same CBOR form. Names of types do not count, those of a struct's
// fields do, as they are encoded. A type that encodes itself is known by its
// name alone. Package signature has the grammar, and compares signatures that
// are not equal.
func Signature(t reflect.Type) string {
	var s signer
	s.write(t)
	return s.String()
}

type signer struct {
	strings.Builder
	around []reflect.Type // pointers, slices, arrays, maps and structs
}

var (
	timeType   = reflect.TypeFor[time.Time]()
	bigIntType = reflect.TypeFor[big.Int]()
	selfCoded  = []reflect.Type{
		reflect.TypeFor[cbor.Marshaler](), reflect.TypeFor[encoding.BinaryMarshaler](),
	}
)

func EncodesItself(t reflect.Type) bool {
	if t.Kind() == reflect.Interface {
		return false
	}
	for _, m := range selfCoded {
		if t.Implements(m) || t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(m) {
			return true
		}
	}
	return false
}

func (s *signer) write(t reflect.Type) {
	switch {
	case t == timeType:
		s.WriteString("time")
		return
	case t == bigIntType:
		s.WriteString("bigint")
		return
	case EncodesItself(t):
		s.WriteString(signature.TypeName(target(t).String()))
		return
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map, reflect.Struct:
		for i, outer := range s.around {
			if outer == t {
				fmt.Fprintf(s, "^%d", len(s.around)-1-i)
				return
			}
		}
		s.around = append(s.around, t)
		defer func() { s.around = s.around[:len(s.around)-1] }()
	}
	switch t.Kind() {
	case reflect.Pointer:
		s.WriteByte('*')
		s.write(t.Elem())
	case reflect.Slice:
		s.WriteString("[]")
		s.write(t.Elem())
	case reflect.Array:
		fmt.Fprintf(s, "[%d]", t.Len())
		s.write(t.Elem())
	case reflect.Map:
		s.WriteString("map[")
		s.write(t.Key())
		s.WriteByte(']')
		s.write(t.Elem())
	case reflect.Interface:
		s.WriteString("any")
	case reflect.Struct:
		s.writeStruct(t)
	default:
		s.WriteString(t.Kind().String())
	}
}

func (s *signer) writeStruct(t reflect.Type) {
	fields, toArray := fieldsOf(t, tagOf)
	s.WriteString("struct{")
	separator := ""
	if toArray {
		s.WriteString("_,toarray struct{}")
		separator = "; "
	}
	for _, f := range fields {
		s.WriteString(separator + signature.Name(f.name))
		for _, option := range f.options {
			switch option {
			case "omitempty", "omitzero", "keyasint":
				s.WriteString("," + option)
			}
		}
		s.WriteByte(' ')
		s.write(f.typ)
		separator = "; "
	}
	s.WriteByte('}')
}

var signatures sync.Map // reflect.Type → string

// SignatureOf is the Signature of T, computed once.
func SignatureOf[T any]() string {
	t := reflect.TypeFor[T]()
	if s, ok := signatures.Load(t); ok {
		return s.(string)
	}
	s := Signature(t)
	signatures.Store(t, s)
	return s
}
