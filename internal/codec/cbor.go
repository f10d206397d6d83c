package codec

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"

	"github.com/fxamacker/cbor/v2"

	"github.com/carom-ipc/carom/internal/errs"
)

// Values travel as CBOR in the deterministic encoding of RFC 8949, section
// 4.2: the coordinator compares keys and list items by their bytes, so equal
// values have to be equal bytes.
//
// What comes back is what went in, with three things to know where the target
// is an any: integers are int64, or big.Int beyond its range; floats are
// float64; structs are maps. A time keeps its nanoseconds and its offset from
// UTC, not the name of its zone.

const maxNesting = 128 // as the coordinator's default

var (
	encMode    = newEncMode()
	decMode    = newDecMode(reflect.TypeFor[map[string]any]())
	decAnyKeys = newDecMode(reflect.TypeFor[map[any]any]())
)

func newEncMode() cbor.UserBufferEncMode {
	o := cbor.CoreDetEncOptions()
	o.Time = cbor.TimeRFC3339Nano
	o.TimeTag = cbor.EncTagRequired
	return must(o.UserBufferEncMode())
}

func newDecMode(maps reflect.Type) cbor.DecMode {
	return must(cbor.DecOptions{
		IntDec:           cbor.IntDecConvertSignedOrBigInt,
		DefaultMapType:   maps,
		MapKeyByteString: cbor.MapKeyByteStringAllowed,
		// Go strings hold any bytes; what was put in comes out.
		UTF8:              cbor.UTF8DecodeInvalid,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		MaxNestedLevels:   maxNesting,
		// The size of a frame bounds both.
		MaxArrayElements: 1<<31 - 1,
		MaxMapPairs:      1<<31 - 1,
	}.DecModeWithSharedTags(handleTags))
}

// Marshal encodes v. Its error is the CBOR library's.
func Marshal(v any) ([]byte, error) { return encMode.Marshal(v) }

// Unmarshal decodes b into v, a pointer to a zero value. Its error is the CBOR library's.
func Unmarshal(b []byte, v any) error { return decMode.Unmarshal(b, v) }

// Encode encodes v. ErrType: something of v would not arrive, such as a
// function, a channel or a field that is not exported.
func Encode(v any) ([]byte, error) { return encode(cborRules, v) }

func encode(r *rules, v any) ([]byte, error) {
	if err := r.checkValue(v); err != nil {
		return nil, err
	}
	b, err := encMode.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errs.ErrType, err)
	}
	return b, nil
}

// Append is Encode at the end of dst.
func Append(dst []byte, v any) ([]byte, error) {
	if out, ok := appendPlain(dst, v); ok {
		return out, nil
	}
	b, err := Encode(v)
	return append(dst, b...), err
}

// EncodeTo is Encode into a buffer.
func EncodeTo(buf *bytes.Buffer, v any) error {
	if err := cborRules.checkValue(v); err != nil {
		return err
	}
	if err := encMode.MarshalToBuffer(v, buf); err != nil {
		return fmt.Errorf("%w: %w", errs.ErrType, err)
	}
	return nil
}

// Decode decodes b into v, a pointer to a zero value. ErrType: b does not
// fit v.
func Decode(b []byte, v any) error {
	if decodePlain(b, v) {
		return nil
	}
	err := decMode.Unmarshal(b, v)
	if err == nil {
		return nil
	}
	var mismatch *cbor.UnmarshalTypeError
	if errors.As(err, &mismatch) && decodeAnyKeys(b, v) {
		return nil
	}
	return fmt.Errorf("%w: %w", errs.ErrType, err)
}

// decodeAnyKeys decodes maps that are not keyed by strings, where the target is
// an any. Those that are become map[string]any as usual.
func decodeAnyKeys(b []byte, v any) bool {
	target := reflect.ValueOf(v).Elem()
	target.SetZero()
	if decAnyKeys.Unmarshal(b, v) != nil {
		return false
	}
	stringKeys(target)
	return true
}

// stringKeys replaces each map[any]any in v whose keys are all strings.
func stringKeys(v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() || !v.CanSet() {
			return
		}
		inner := reflect.New(v.Elem().Type()).Elem()
		inner.Set(v.Elem())
		stringKeys(inner)
		if m, ok := inner.Interface().(map[any]any); ok {
			v.Set(reflect.ValueOf(narrow(m)))
		} else {
			v.Set(inner)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			stringKeys(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				stringKeys(v.Field(i))
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			stringKeys(v.Index(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			e := reflect.New(v.Type().Elem()).Elem()
			e.Set(v.MapIndex(k))
			stringKeys(e)
			v.SetMapIndex(k, e)
		}
	}
}

func narrow(m map[any]any) any {
	s := make(map[string]any, len(m))
	for k, v := range m {
		name, ok := k.(string)
		if !ok {
			return m
		}
		s[name] = v
	}
	return s
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
