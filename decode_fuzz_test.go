package carom

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzItem decodes what another process may have left in a queue, and handles from
// anywhere: bytes that are none are an error, and what is decoded without the library is
// what the library decodes.
func FuzzItem(f *testing.F) {
	for _, v := range []any{nil, "", "text", []byte(nil), []byte{}, []byte("bytes"), bytes.Repeat([]byte("x"), 70_000), 1, map[string]int{"a": 1}} {
		b, err := encodeCBOR(v)
		require.NoError(f, err)
		f.Add(b)
	}
	handle, err := marshalName(&Manager{id: [16]byte{1, 2, 3}}, "Value", "name")
	require.NoError(f, err)
	f.Add(handle)
	f.Add([]byte{cborBytes | 27, 255, 255, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		if body, ok := cutHead(b, cborText); ok {
			var s string
			require.NoError(t, decodeCBOR(b, &s))
			require.Equal(t, string(body), s)
		}
		if body, ok := cutHead(b, cborBytes); ok {
			var s []byte
			require.NoError(t, decodeCBOR(b, &s))
			require.True(t, bytes.Equal(body, s))
		}
		var v Value[int64]
		require.Error(t, v.UnmarshalCBOR(b), "no such manager is here")
		var r Ref
		if !bytes.Equal(b, cborNull) { // of which there is a zero value
			require.Error(t, r.UnmarshalCBOR(b))
		}
		_, _, _ = readOpened(b)
		_ = new(Pair[int, string]).UnmarshalJSON(b)
		_ = v.UnmarshalJSON(b)
		var x any
		_ = decodeCBOR(b, &x)
		_, _ = readMessage(bytes.NewReader(b))
	})
}
