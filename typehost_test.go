package carom_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carom-ipc/carom"
	"github.com/carom-ipc/carom/coord"
)

// serveHere runs a coordinator in this process until the test ends.
func serveHere(t *testing.T, c carom.ServeConfig) (addr string) {
	ctx, stop := context.WithCancel(context.Background())
	ready, served := make(chan string, 1), make(chan error, 1)
	c.Memory = 64 << 20
	c.Ready = func(addrs []string) { ready <- addrs[0] }
	go func() { served <- carom.Serve(ctx, c, time.Second) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-served)
	})
	return <-ready
}

// item encodes what a client of another language might send.
func item(v any) []byte {
	switch v := v.(type) {
	case nil:
		return coord.AppendNull(nil)
	case int:
		return coord.AppendInt(nil, int64(v))
	case uint64:
		return coord.AppendUint(nil, v)
	case string:
		return coord.AppendText(nil, v)
	case []byte:
		return v
	case []any:
		b := coord.AppendArray(nil, len(v))
		for _, e := range v {
			b = append(b, item(e)...)
		}
		return b
	}
	panic(v)
}

func TestRawRequests(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	key := []byte("a secret")
	t.Run("cbor", func(t *testing.T) {
		addr := serveHere(t, carom.ServeConfig{AuthKey: key})
		ctx := t.Context()
		c, err := coord.Dial(ctx, "unix", strings.TrimPrefix(addr, "unix://"), coord.DialConfig{AuthKey: key})
		require.NoError(t, err)
		defer c.Close()
		for _, params := range []any{3, "x", []any{}, []any{"x"}, []any{nil, nil}, []any{[]any{}}, []any{[]byte("\xd9\xca\x70\x80")}} {
			_, err := c.Open(ctx, "Tally", "t", "", item(params), coord.Create)
			require.ErrorIs(t, err, carom.ErrType, params)
		}
		_, err = c.Open(ctx, "Node", "n", "", item([]any{}), coord.Create)
		require.ErrorIs(t, err, carom.ErrType)
		_, err = c.Open(ctx, "tally", "n", "", item([]any{}), coord.Create)
		require.ErrorIs(t, err, carom.ErrNotFound)
		id, err := c.Open(ctx, "Tally", "t", "", item([]any{7}), coord.Create)
		require.NoError(t, err)
		deep := strings.Repeat("\x81", 100) + "\x01"
		wrong := map[string][]any{
			"Add":  {"x", nil, []any{1}, []byte("\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00"), []byte("\xd9\xca\x70\x83\x41\x00\x61a\x61b"), []byte(deep), []byte("\xc2\x49\x01\x00\x00\x00\x00\x00\x00\x00\x00")},
			"Echo": {[]byte("\xd9\xca\x70\x01"), []byte("\xd9\xca\x70\x82\x41\x00\x61a"), []byte("\xd9\xca\x70\x83\x01\x02\x03")},
			"Fail": {3, []byte("\x41x")},
		}
		for method, arguments := range wrong {
			for _, a := range arguments {
				if method == "Add" && a == nil {
					continue // CBOR has null as a zero value
				}
				_, err := c.Call(ctx, id, method, item([]any{a}), nil)
				require.ErrorIs(t, err, carom.ErrType, "%s %v", method, a)
			}
		}
		_, err = c.Call(ctx, id, "Echo", item([]any{[]byte("\xd9\xca\x70\x83\x41\x00\x61a\x61b")}), nil)
		require.ErrorIs(t, err, carom.ErrNotFound, "a handle of a manager that is not here")
		for _, method := range []string{"", "add", "Add\x00", "Close", "Add.Add", "reset", strings.Repeat("A", 5000)} {
			_, err := c.Call(ctx, id, method, item([]any{}), nil)
			require.ErrorIs(t, err, carom.ErrNotFound, method)
			_, err = c.Stream(ctx, id, method, item([]any{}))
			require.ErrorIs(t, err, carom.ErrNotFound, method)
		}
		many := make([]any, 10_000)
		for i := range many {
			many[i] = 1
		}
		out, err := c.Call(ctx, id, "Add", item(many), nil)
		require.NoError(t, err)
		require.Equal(t, item(10_007), out)
		_, err = c.Call(ctx, id, "Value", item(many), nil)
		require.ErrorIs(t, err, carom.ErrType)

		// The methods can be listed.
		out, err = c.Call(ctx, 0, "methods", item([]any{id}), nil)
		require.NoError(t, err)
		require.Equal(t, item([]any{"Add", "Both", "Echo", "Fail", "Increment", "Panic", "Reset", "Secret", "Three", "Value"}), out)
		dict, err := c.Open(ctx, "dict", "d", "", nil, coord.Create)
		require.NoError(t, err)
		for _, h := range []uint64{dict, 12345} {
			_, err = c.Call(ctx, 0, "methods", item([]any{h}), nil)
			require.ErrorIs(t, err, carom.ErrNotFound)
		}

		// A stream is a stream, whatever is asked of it.
		id, err = c.Open(ctx, "Source", "s", "", nil, coord.Create)
		require.NoError(t, err)
		s, err := c.Stream(ctx, id, "Up", item([]any{"x"}))
		require.NoError(t, err, "the method has not begun")
		_, err = s.Next(ctx)
		require.ErrorIs(t, err, carom.ErrType)
		s, err = c.Stream(ctx, id, "Up", item([]any{3}))
		require.NoError(t, err)
		s.Close()
		_, err = c.Call(ctx, id, "Up", item([]any{3}), nil)
		require.ErrorIs(t, err, carom.ErrType)
	})
	t.Run("json", func(t *testing.T) {
		addr := serveHere(t, carom.ServeConfig{AuthKey: key, Codec: carom.JSON})
		ctx := t.Context()
		c, err := coord.Dial(ctx, "unix", strings.TrimPrefix(addr, "unix://"), coord.DialConfig{AuthKey: key})
		require.NoError(t, err)
		defer c.Close()
		bytes := func(s string) []byte { return coord.AppendBytes(nil, []byte(s)) }
		for _, params := range []any{[]any{1}, []any{bytes("")}, []any{bytes("{")}, []any{bytes(`"x"`)}} {
			_, err := c.Open(ctx, "Tally", "t", "", item(params), coord.Create)
			require.ErrorIs(t, err, carom.ErrType, params)
		}
		id, err := c.Open(ctx, "Tally", "t", "", item([]any{bytes("7")}), coord.Create)
		require.NoError(t, err)
		out, err := c.Call(ctx, id, "Both", item([]any{}), nil)
		require.NoError(t, err)
		require.Equal(t, bytes(`[7,"7"]`), out)
		out, err = c.Call(ctx, id, "Reset", item([]any{}), nil)
		require.NoError(t, err)
		require.Equal(t, item(nil), out)
	})
}

// One object that a method returns again and again, while others let go of it.
func TestReturnsOfOne(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		tr := carom.Must(trees.New(a, "t", newEvents(t, a, "closed")[0]))
		before := len(names(t, a))
		var all sync.WaitGroup
		for i := range 4 {
			from := carom.Must(trees.Open([]*carom.Manager{a, b}[i%2], "t"))
			all.Go(func() {
				for range 100 {
					root, err := carom.Call[Node](context.Background(), from, "Root")
					if !assert.NoError(t, err) {
						return
					}
					_, err = root.Number(context.Background())
					assert.NoError(t, err)
					assert.NoError(t, root.Close())
				}
			})
		}
		all.Wait()
		require.Equal(t, 401, call[int](t, call[carom.Ref](t, tr, "Root"), "Number"))
		require.Len(t, names(t, a), before+1)
		sound(t, a)
	})
}
