package coord

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/carom-ipc/carom/internal/errs"
)

// The hand-written encoding is that of the library.
func TestAppendAgreesWithLibrary(t *testing.T) {
	mode, err := cbor.CoreDetEncOptions().EncMode()
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		check := func(v any, got []byte) {
			want, err := mode.Marshal(v)
			require.NoError(t, err)
			require.Equal(t, want, got, "%v", v)
		}
		i, u := rapid.Int64().Draw(t, "int"), rapid.Uint64().Draw(t, "uint")
		check(i, AppendInt(nil, i))
		check(u, AppendUint(nil, u))
		s, f := rapid.String().Draw(t, "string"), rapid.Float64().Draw(t, "float")
		check(s, AppendText(nil, s))
		check([]byte(s), AppendBytes(nil, []byte(s)))
		for _, f := range []float64{f, float64(float32(f)), math.Ldexp(float64(i%2048), int(u%40)-30), math.NaN(), math.Inf(-1)} {
			check(f, AppendFloat(nil, f))
			back, ok := float(AppendFloat(nil, f))
			require.True(t, ok)
			require.True(t, back == f || math.IsNaN(f) && math.IsNaN(back))
		}
	})
}

func frames(bodies ...string) []byte {
	var b []byte
	for _, body := range bodies {
		b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
		b = append(b, body...)
	}
	return b
}

func TestFrameReader(t *testing.T) {
	big := strings.Repeat("x", 300<<10)
	stream := frames("a", big, "bc", big, "d")
	for name, r := range map[string]io.Reader{
		"whole":   bytes.NewReader(stream),
		"bytes":   iotest.OneByteReader(bytes.NewReader(stream)),
		"halves":  iotest.HalfReader(bytes.NewReader(stream)),
		"dataerr": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		f := newFrameReader(r, 1<<20)
		for _, want := range []string{"a", big, "bc", big, "d"} {
			got, err := f.next()
			require.NoError(t, err, name)
			require.True(t, want == string(got), name)
		}
		_, err := f.next()
		require.Equal(t, io.EOF, err, name)
	}
	_, err := newFrameReader(bytes.NewReader(stream[:100]), 1<<20).next()
	require.NoError(t, err)
	half := newFrameReader(bytes.NewReader(stream[5:100]), 1<<20)
	_, err = half.next()
	require.Equal(t, io.ErrUnexpectedEOF, err)
	require.LessOrEqual(t, len(half.buf), readBuffer, "memory grows as bytes arrive")
	_, err = newFrameReader(bytes.NewReader([]byte{0xff, 0xff, 0xff, 0xff}), 1<<20).next()
	require.ErrorIs(t, err, errs.ErrTooLarge)
	_, err = newFrameReader(bytes.NewReader(frames("")), 1<<20).next()
	require.ErrorIs(t, err, errMalformed)
}

func TestFrameReaderShrinks(t *testing.T) {
	f := newFrameReader(io.MultiReader(
		bytes.NewReader(frames(strings.Repeat("x", 1<<20))), bytes.NewReader(frames("a"))), 2<<20)
	_, err := f.next()
	require.NoError(t, err)
	_, err = f.next()
	require.NoError(t, err)
	require.LessOrEqual(t, len(f.buf), keepBuffer)
}

func TestItemSize(t *testing.T) {
	nested := func(n int) []byte { return append(bytes.Repeat([]byte{0x81}, n), 0x80) }
	n, err := itemSize(nested(10), 10)
	require.NoError(t, err)
	require.Equal(t, 11, n)
	_, err = itemSize(nested(11), 10)
	require.ErrorIs(t, err, errs.ErrTooLarge)
	_, err = itemSize(nested(1<<20), 10)
	require.ErrorIs(t, err, errs.ErrTooLarge)
	for _, bad := range []string{
		"", "\x18", "\x1c", "\x5f\xff", "\x9f\xff", "\xff", "\x41", "\x82\x00", "\xa1\x00", "\xc1", "\xf8\x01",
		"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "\xbb\xff\xff\xff\xff\xff\xff\xff\xff", "\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		_, err := itemSize([]byte(bad), 10)
		require.ErrorIs(t, err, errMalformed, "%x", bad)
	}
}

func FuzzItemSize(f *testing.F) {
	f.Add(args("a", 1, 2.5, []byte("x"), true, nil))
	f.Add([]byte{0xa1, 0x61, 'a', 0xc1, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := itemSize(b, 32)
		if err != nil {
			return
		}
		// The library accepts what we accept, but for its stricter rules.
		if err := cbor.Wellformed(b[:n]); err != nil && !strings.Contains(err.Error(), "cbor: exceeded max") {
			t.Fatalf("%x: %v", b[:n], err)
		}
	})
}

func FuzzFrames(f *testing.F) {
	f.Add(frames("a", "bc"))
	f.Add([]byte{0, 0, 0, 9, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newFrameReader(iotest.HalfReader(bytes.NewReader(b)), 1<<16)
		var again []byte
		for {
			body, err := r.next()
			if err != nil {
				break
			}
			again = append(again, frames(string(body))...)
		}
		require.True(t, bytes.HasPrefix(b, again))
	})
}

func FuzzEnvelope(f *testing.F) {
	f.Add(appendRequest(nil, 7, 9, "get", args("k")))
	f.Add(append(appendReply(nil, 7), 0xf6))
	f.Add(appendError(nil, 7, "dict", "get", errs.ErrNotFound))
	f.Fuzz(func(t *testing.T, b []byte) {
		if q, err := parseRequest(b, 16); err == nil {
			// What later versions append is dropped, all else survives.
			again := appendRequest(nil, q.id, q.object, string(q.method), q.args)
			p, err := parseRequest(again, 16)
			require.NoError(t, err)
			require.Equal(t, q, p)
		}
		if p, err := parseReply(b, 16); err == nil && p.flags&flagError != 0 {
			require.Error(t, parseError(p.value))
		}
	})
}

func FuzzHandshake(f *testing.F) {
	nonce := bytes.Repeat([]byte{1}, nonceSize)
	f.Add(appendHello(nil, hello{version: 1, nonce: nonce}))
	f.Add(appendChallenge(nil, challenge{1, nonce}))
	f.Add(appendProof(nil, nonce))
	f.Add(appendWelcome(nil, welcome{mac: nonce, session: nonce[:sessionSize], payload: []byte("p")}))
	f.Add(appendRefusal(nil, "auth", "no"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := parseHello(b); err == nil {
			again, err := parseHello(appendHello(nil, h))
			require.NoError(t, err)
			require.Equal(t, h, again)
		}
		parseChallenge(b)
		parseProof(b)
		parseWelcome(b)
	})
}

func TestErrorsKeepTheirIdentity(t *testing.T) {
	for _, want := range []error{errs.ErrNotFound, errs.ErrFull, errs.ErrAuth, io.EOF, io.ErrClosedPipe} {
		p, err := parseReply(appendError(nil, 3, "thing", "do", want), 4)
		require.NoError(t, err)
		got := parseError(p.value)
		require.Equal(t, want != io.ErrClosedPipe, got == want)
		var remote *errs.RemoteError
		if want == io.ErrClosedPipe {
			require.ErrorAs(t, got, &remote)
			require.Equal(t, errs.RemoteError{Type: "thing", Method: "do", Message: want.Error()}, *remote)
		}
	}
}
