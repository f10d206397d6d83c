package carom

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/codec"
)

// FuzzHandle decodes handles from anywhere: bytes that are none are an error.
func FuzzHandle(f *testing.F) {
	for _, v := range []any{nil, "text", []byte("bytes"), 1, map[string]int{"a": 1}} {
		b, err := codec.Encode(v)
		require.NoError(f, err)
		f.Add(b)
	}
	handle, err := (&handle{m: &Manager{id: [16]byte{1, 2, 3}}, kind: "Value", name: "name"}).marshal()
	require.NoError(f, err)
	f.Add(handle)
	f.Fuzz(func(t *testing.T, b []byte) {
		var v Value[int64]
		require.Error(t, v.UnmarshalCBOR(b), "no such manager is here")
		var r Ref
		if !bytes.Equal(b, codec.Null) { // of which there is a zero value
			require.Error(t, r.UnmarshalCBOR(b))
		}
		_, _, _ = readOpened(b)
		_ = new(Pair[int, string]).UnmarshalJSON(b)
		_ = v.UnmarshalJSON(b)
	})
}
