package carom_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// gobCodec is a user's own codec.
type gobCodec struct{}

func (gobCodec) Name() string { return "gob" }

func (gobCodec) Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(v)
	return b.Bytes(), err
}

func (gobCodec) Unmarshal(data []byte, v any) error {
	return gob.NewDecoder(bytes.NewReader(data)).Decode(v)
}

func init() { carom.RegisterCodec(gobCodec{}) }

type unknown struct{ carom.Codec }

func (unknown) Name() string { return "unknown" }

type impostor struct{ carom.Codec }

type anyCodec struct{ carom.Codec }

func (anyCodec) Name() string { return "" }

var jsonWorker = carom.NewWorker("json", func(ctx context.Context, r carom.Ref) error {
	return carom.Invoke(ctx, r, "Increment")
})

func TestCodecs(t *testing.T) {
	for _, codec := range []carom.Codec{carom.CBOR, carom.JSON, gobCodec{}} {
		t.Run(codec.Name(), func(t *testing.T) {
			ctx := t.Context()
			m, err := carom.Start(ctx, &carom.Options{Memory: 64 << 20, Codec: codec})
			require.NoError(t, err)
			defer m.Close()
			c := carom.Must(tallies.New(m, "c", 3))
			require.Equal(t, 4, call[int](t, c, "Increment"))
			require.Equal(t, 10, call[int](t, c, "Add", 1, 2, 3))
			require.NoError(t, carom.Invoke(ctx, c, "Reset"))
			_, err = carom.Call[int](ctx, c, "Add", "x")
			require.ErrorIs(t, err, carom.ErrType)
			require.ErrorContains(t, err, "Tally.Add, argument 1")
			_, err = carom.Call[string](ctx, c, "Increment")
			require.ErrorIs(t, err, carom.ErrType)
			require.ErrorIs(t, carom.Invoke(ctx, c, "Echo", func() {}), carom.ErrType)
			_, err = carom.Call[int](ctx, c, "Fail", "full")
			require.ErrorIs(t, err, carom.ErrFull)

			s := carom.Must(sources.New(m, "s"))
			all, err := drain[int](ctx, s, "Up", 100)
			require.NoError(t, err)
			require.Len(t, all, 100)

			if codec == carom.Codec(gobCodec{}) {
				return // which cannot encode handles
			}
			// An object is a handle whatever the codec.
			tr := carom.Must(trees.New(m, "t", carom.Must(carom.NewEvent(m, "closed"))))
			leaf := call[Node](t, tr, "Leaf")
			n, err := leaf.Number(ctx)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.NoError(t, leaf.Close())

			// Dicts are CBOR in any case, and workers learn the codec.
			d := carom.Must(carom.NewDict[string, carom.Ref](m, "d"))
			require.NoError(t, d.Set(ctx, "c", c))
			p, err := jsonWorker.Start(ctx, m, c)
			require.NoError(t, err)
			require.NoError(t, p.Wait())
			require.Equal(t, 3, call[int](t, c, "Increment"))
		})
	}
}

func TestJSONHandles(t *testing.T) {
	ctx := t.Context()
	m, err := carom.Start(ctx, &carom.Options{Memory: 64 << 20, Codec: carom.JSON})
	require.NoError(t, err)
	defer m.Close()
	p := carom.Must(porters.New(m, "p"))
	require.NoError(t, carom.Invoke(ctx, p, "Keep", Node{carom.Must(tallies.New(m, "x", 0))}))
	require.Equal(t, "x", call[Node](t, p, "Kept").Name())
	require.Equal(t, "x", call[map[string]*Node](t, p, "Many")["kept"].Name())
	made := call[struct {
		Dict *carom.Dict[string, int]
		Lock *carom.Lock
		Ref  carom.Ref
	}](t, p, "Make")
	v, _, err := made.Dict.Get(ctx, "made")
	require.NoError(t, err)
	require.Equal(t, 1, v)
	require.NoError(t, made.Lock.TryLock())
	require.Equal(t, 42, call[int](t, made.Ref, "Increment"))
	echo := carom.Must(tallies.New(m, "echo", 0))
	raw := call[map[string][]string](t, echo, "Echo", made.Lock)
	require.Len(t, raw["carom"], 3)
	require.Equal(t, []string{"Lock", "made lock"}, raw["carom"][1:])
	require.Equal(t, "made lock", call[*carom.Lock](t, echo, "Echo", made.Lock).Name())
	require.Empty(t, call[carom.Ref](t, echo, "Echo", carom.Ref{}).Name())
	require.Equal(t, carom.Pair[int, string]{Key: 0, Value: "0"}, call[carom.Pair[int, string]](t, echo, "Both"))
	pairs, err := drain[carom.Pair[int, string]](ctx, carom.Must(sources.New(m, "s")), "Pairs", "a")
	require.NoError(t, err)
	require.Equal(t, []carom.Pair[int, string]{{Key: 0, Value: "a"}}, pairs)
	for _, bad := range []any{"x", map[string]any{}, map[string][]string{"carom": {"zz", "Lock", "l"}}, map[string][]string{"carom": {"00", "Lock", "l"}}} {
		_, err := carom.Call[*carom.Lock](ctx, echo, "Echo", bad)
		require.ErrorIs(t, err, carom.ErrType, bad)
	}
}

func TestCodecsMustAgree(t *testing.T) {
	ctx, key := t.Context(), []byte("a secret")
	m, err := carom.Start(ctx, &carom.Options{Memory: 64 << 20, Codec: carom.JSON, AuthKey: key})
	require.NoError(t, err)
	defer m.Close()
	for name, codec := range map[string]carom.Codec{"cbor": nil, "gob": gobCodec{}} {
		_, err = carom.Connect(ctx, m.Addr(), &carom.Options{AuthKey: key, Codec: codec})
		require.ErrorIs(t, err, carom.ErrType)
		require.ErrorContains(t, err, "json")
		require.ErrorContains(t, err, name)
	}
	b, err := carom.Connect(ctx, m.Addr(), &carom.Options{AuthKey: key, Codec: anyCodec{carom.CBOR}})
	require.NoError(t, err)
	require.NoError(t, carom.Must(carom.NewDict[string, int](b, "d")).Set(ctx, "x", 1))
	require.NoError(t, b.Close())

	_, err = carom.Start(ctx, &carom.Options{Codec: unknown{}})
	require.ErrorIs(t, err, carom.ErrNotFound)
	require.ErrorContains(t, err, `"unknown"`)
	for _, codec := range []carom.Codec{impostor{carom.CBOR}, impostor{carom.JSON}} {
		_, err = carom.Start(ctx, &carom.Options{Codec: codec})
		require.ErrorIs(t, err, carom.ErrType)
		err = carom.Serve(ctx, carom.ServeConfig{AuthKey: key, Codec: codec}, 0)
		require.ErrorIs(t, err, carom.ErrType)
	}
}
