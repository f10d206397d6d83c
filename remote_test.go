package carom

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/coord"
)

var testKey = []byte("a key for tests")

// serveTest runs a coordinator in this process and returns its socket.
func serveTest(t testing.TB, limits coord.Limits) string {
	t.Helper()
	s, err := coord.NewServer(coord.Config{AuthKey: testKey, Limits: limits})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.NoError(t, <-served)
	})
	return path
}

// dialTest is a manager whose connections to the coordinator connect makes.
func dialTest(t testing.TB, connect func(context.Context) (net.Conn, error)) *Manager {
	t.Helper()
	c, err := coord.Dial(t.Context(), "", "", coord.DialConfig{AuthKey: testKey, Connect: connect})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	m := newManager((*Options)(nil).orDefault(), "", testKey, nil)
	m.client = c
	return m
}

func toSocket(path string) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) { return net.Dial("unix", path) }
}

// testCoordinator is a manager with a coordinator in this process.
func testCoordinator(t testing.TB) (*Manager, context.Context) {
	t.Helper()
	m := dialTest(t, toSocket(serveTest(t, coord.Limits{})))
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return m, ctx
}

func TestNames(t *testing.T) {
	m, ctx := testCoordinator(t)
	a, err := NewDict[string, int](m, "")
	require.NoError(t, err)
	require.Regexp(t, "^dict-[0-9a-f]{16}$", a.Name())
	b, err := NewList[int](m, "")
	require.NoError(t, err)
	require.Regexp(t, "^list-[0-9a-f]{16}$", b.Name())

	long := strings.Repeat("n", 1024)
	d, err := NewDict[string, int](m, long)
	require.NoError(t, err)
	require.NoError(t, d.Set(ctx, "a", 1))
	_, err = NewDict[string, int](m, long+"n")
	require.ErrorIs(t, err, ErrTooLarge)
	_, err = NewDict[string, int](m, "\xff")
	require.ErrorIs(t, err, ErrName)
	_, err = OpenDict[string, int](m, "")
	require.ErrorIs(t, err, ErrName)
}

func TestConstructors(t *testing.T) {
	m, ctx := testCoordinator(t)
	type count int64
	d, err := NewDict[string, int64](m, "d")
	require.NoError(t, err)
	same, err := NewDict[string, count](m, "d") // of the same structure
	require.NoError(t, err)
	require.NoError(t, d.Set(ctx, "a", 3))
	v, ok, err := same.Get(ctx, "a")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, count(3), v)

	_, err = NewDict[string, string](m, "d")
	require.ErrorIs(t, err, ErrType)
	require.EqualError(t, err,
		`carom: new Dict "d": type mismatch: "d" is a dict of type dict[string]int64, not a dict of type dict[string]string`)
	_, err = NewList[string](m, "d")
	require.ErrorIs(t, err, ErrType)
	_, err = NewDict[string, int64](m, "d", Exclusive())
	require.ErrorIs(t, err, ErrExists)
	_, err = NewDict[string, int64](m, "e", Cap(3))
	require.ErrorIs(t, err, ErrType)
	require.ErrorContains(t, err, "no option Cap")
	_, err = OpenNamespace(m, "nobody")
	require.ErrorIs(t, err, ErrNotFound)
	_, err = NewNamespace(nil, "n")
	require.ErrorIs(t, err, ErrClosed)
}

func TestHandlesThatAreNotOpen(t *testing.T) {
	m, ctx := testCoordinator(t)
	closed, err := NewDict[string, int](m, "d")
	require.NoError(t, err)
	require.NoError(t, closed.Err())
	require.NoError(t, closed.Close())
	require.ErrorIs(t, closed.Close(), ErrClosed)
	require.Equal(t, "d", closed.Name())
	for _, d := range []*Dict[string, int]{{}, closed} {
		require.ErrorIs(t, d.Err(), ErrClosed)
		require.ErrorIs(t, d.Set(ctx, "a", 1), ErrClosed)
		_, err := d.Keys(ctx)
		require.ErrorIs(t, err, ErrClosed)
		for _, err := range d.All(ctx) {
			require.ErrorIs(t, err, ErrClosed)
		}
		for _, err := range d.Watch(ctx) {
			require.ErrorIs(t, err, ErrClosed)
		}
		var op *OpError
		require.ErrorAs(t, d.Clear(ctx), &op)
		require.Equal(t, "clear", op.Op)
	}
	var l *List[int] // as a nil *sync.Mutex does
	require.Panics(t, func() { l.Name() })
	require.Panics(t, func() { _ = l.Sort(ctx) })
	require.Panics(t, func() { _ = l.Close() })
	_, err = Attr[int]("a").Get(ctx, &Namespace{})
	require.ErrorIs(t, err, ErrClosed)
}
