package carom

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/coord"
)

// frail is a connection that breaks after some bytes, perhaps within a frame.
type frail struct {
	net.Conn
	left atomic.Int64
}

func (f *frail) use(b []byte) []byte {
	left := f.left.Add(-int64(len(b)))
	if left < 0 {
		b = b[:max(0, int64(len(b))+left)]
	}
	return b
}

var errBroken = errors.New("the connection broke")

func (f *frail) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	if k := len(f.use(b[:n])); k < n {
		_ = f.Close()
		return k, errBroken
	}
	return n, err
}

func (f *frail) Write(b []byte) (int, error) {
	n, err := f.Conn.Write(f.use(b))
	if err == nil && n < len(b) {
		_ = f.Close()
		err = errBroken
	}
	return n, err
}

// Updates of a dict happen once, whatever becomes of connections meanwhile.
func TestUpdatesUnderCuts(t *testing.T) {
	path, ctx := serveTest(t, coord.Limits{}), t.Context()
	var cuts atomic.Int64
	connect := func(context.Context) (net.Conn, error) {
		conn, err := net.Dial("unix", path)
		if err != nil {
			return nil, err
		}
		cuts.Add(1)
		f := &frail{Conn: conn}
		f.left.Store(500 + rand.Int64N(3000))
		return f, nil
	}
	const tasks, each = 4, 300
	var wg sync.WaitGroup
	for range 2 {
		d, err := NewDict[string, int](dialTest(t, connect), "d")
		require.NoError(t, err)
		for range tasks {
			wg.Go(func() {
				for range each {
					if _, err := d.Compute(ctx, "computed", func(old int, _ bool) (int, error) { return old + 1, nil }); err != nil {
						t.Error(err)
						return
					}
					if _, err := AddKey(ctx, d, "added", 1); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	d, err := OpenDict[string, int](dialTest(t, toSocket(path)), "d")
	require.NoError(t, err)
	all, err := d.Snapshot(ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"computed": 2 * tasks * each, "added": 2 * tasks * each}, all)
	require.Greater(t, cuts.Load(), int64(10))
}

// A handle whose session was lost goes on with the same object, or with none.
func TestHandlesOfLostSessions(t *testing.T) {
	path, ctx := serveTest(t, coord.Limits{Grace: -1}), t.Context()
	var now atomic.Pointer[net.UnixConn]
	m := dialTest(t, func(context.Context) (net.Conn, error) {
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
		now.Store(conn)
		return conn, err
	})
	kept, err := NewDict[string, int](m, "kept")
	require.NoError(t, err)
	replaced, err := NewDict[string, int](m, "replaced")
	require.NoError(t, err)
	require.NoError(t, kept.Set(ctx, "k", 1))
	require.NoError(t, m.Remove(ctx, "replaced"))
	require.NoError(t, replaced.Set(ctx, "k", 1), "it has lost its name only")

	generation := m.client.Generation()
	require.NoError(t, now.Load().CloseWrite())
	for m.client.Generation() == generation {
		time.Sleep(time.Millisecond)
	}
	other, err := NewDict[string, int](m, "replaced")
	require.NoError(t, err)
	n, ok, err := kept.Get(ctx, "k")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, 1, n)
	for range 2 {
		err = replaced.Set(ctx, "k", 2)
		require.ErrorIs(t, err, ErrNotFound)
		require.ErrorContains(t, err, `set Dict "replaced": not found: the session with the coordinator was lost, and the object was removed`)
	}
	n, err = other.Len(ctx)
	require.NoError(t, err)
	require.Zero(t, n, "the other object is untouched")
	require.NoError(t, replaced.Close())
	require.NoError(t, kept.Close())
	require.NoError(t, other.Close())
}
