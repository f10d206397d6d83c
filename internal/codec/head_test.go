package codec

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzItem decodes what another process may have left in a queue: what is decoded without
// the library is what the library decodes.
func FuzzItem(f *testing.F) {
	for _, v := range []any{nil, "", "text", []byte(nil), []byte{}, []byte("bytes"), bytes.Repeat([]byte("x"), 70_000), 1, map[string]int{"a": 1}} {
		b, err := Encode(v)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte{Bytes | 27, 255, 255, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		if body, ok := CutHead(b, Text); ok {
			var s string
			require.NoError(t, Unmarshal(b, &s))
			require.Equal(t, string(body), s)
		}
		if body, ok := CutHead(b, Bytes); ok {
			var s []byte
			require.NoError(t, Unmarshal(b, &s))
			require.True(t, bytes.Equal(body, s))
		}
		var x any
		_ = Decode(b, &x)
	})
}

func TestHeads(t *testing.T) {
	for _, n := range []int{0, 1, 23, 24, 255, 256, 65535, 65536} {
		for _, major := range []byte{Bytes, Text} {
			body := bytes.Repeat([]byte("x"), n)
			var v any = body
			if major == Text {
				v = string(body)
			}
			item := append(AppendHead(nil, major, uint64(n)), body...)
			want, err := Marshal(v)
			require.NoError(t, err)
			require.Equal(t, want, item)
			got, ok := CutHead(item, major)
			require.True(t, ok)
			require.True(t, bytes.Equal(body, got))
			_, ok = CutHead(item, major^Bytes^Text)
			require.False(t, ok)
			_, ok = CutHead(item[:len(item)-1], major)
			require.False(t, ok)
		}
	}
}
