package codec

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// What is encoded and decoded without the library is what the library would have made.
func TestPlainIsWhatTheLibraryMakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.OneOf(
			rapid.String().AsAny(), rapid.Int().AsAny(), rapid.Int64().AsAny(), rapid.Uint64().AsAny(), rapid.Bool().AsAny(),
			rapid.SliceOf(rapid.Byte()).AsAny(), rapid.Just(any([]byte(nil))),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }).AsAny(),
			rapid.SampledFrom([]any{int64(-1 << 63), int64(1<<63 - 1), uint64(1<<64 - 1), 23, 24, -24, -25, 255, 256, 65535, 65536}),
		).Draw(t, "value")
		want, err := encMode.Marshal(v)
		require.NoError(t, err)
		got, ok := appendPlain([]byte("before"), v)
		require.True(t, ok)
		require.Equal(t, append([]byte("before"), want...), got)

		for _, target := range []any{new(string), new(int), new(int64), new([]byte)} {
			plain, library := reflect.New(reflect.TypeOf(target).Elem()), reflect.New(reflect.TypeOf(target).Elem())
			if !decodePlain(want, plain.Interface()) {
				continue
			}
			require.NoError(t, decMode.Unmarshal(want, library.Interface()), "%T from %x", target, want)
			require.Equal(t, library.Elem().Interface(), plain.Elem().Interface())
		}
	})
}

func FuzzDecodePlain(f *testing.F) {
	f.Add([]byte{0x63, 'a', 'b', 'c'})
	f.Add([]byte{0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x3b, 0x80, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0x5a, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, target := range []any{new(string), new(int), new(int64), new([]byte)} {
			if !decodePlain(b, target) {
				continue
			}
			library := reflect.New(reflect.TypeOf(target).Elem())
			require.NoError(t, decMode.Unmarshal(b, library.Interface()))
			require.Equal(t, library.Elem().Interface(), reflect.ValueOf(target).Elem().Interface())
		}
	})
}
