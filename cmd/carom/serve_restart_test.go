package main

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// A coordinator that comes back at its address is another one: what there was before is
// gone, and no handle of then meets anything of now.
func TestServeRestarted(t *testing.T) {
	for name, test := range map[string]struct {
		remote bool
		signal syscall.Signal
		fresh  error // of constructors of the old manager
	}{
		"remote":         {true, syscall.SIGTERM, nil},
		"remote, killed": {true, syscall.SIGKILL, nil},
		"local":          {false, syscall.SIGTERM, carom.ErrClosed},
		"local, killed":  {false, syscall.SIGKILL, carom.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			listen := "unix://" + filepath.Join(t.TempDir(), "carom.sock")
			s := startServer(t, testKey, "-listen", listen, "-memory", "32MiB")
			connect := func() *carom.Manager {
				m, err := carom.Connect(t.Context(), listen, &carom.Options{AuthKey: []byte(testKey), Remote: test.remote})
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, m.Close()) })
				return m
			}
			m, ctx := connect(), t.Context()
			d := carom.Must(carom.NewDict[string, int](m, "d"))
			l := carom.Must(carom.NewLock(m, "l"))
			require.NoError(t, d.Set(ctx, "k", 1))
			require.NoError(t, l.Lock(ctx))

			_, _ = s.end(t, test.signal)
			short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			err := d.Set(short, "k", 2)
			require.ErrorIs(t, err, carom.ErrUnavailable)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			var op *carom.OpError
			require.ErrorAs(t, err, &op)
			require.Equal(t, "d", op.Name)

			startServer(t, testKey, "-listen", listen, "-memory", "32MiB")
			gone := func() {
				t.Helper()
				err := d.Set(ctx, "k", 2)
				require.ErrorIs(t, err, carom.ErrNotFound)
				require.ErrorContains(t, err, "the coordinator was restarted")
			}
			gone()
			other := connect()
			d2 := carom.Must(carom.NewDict[string, *carom.Dict[string, int]](other, "d"))
			gone()
			n, err := d2.Len(ctx)
			require.NoError(t, err)
			require.Zero(t, n)

			d3, err := carom.NewDict[string, int](m, "new")
			require.ErrorIs(t, err, test.fresh)
			if !test.remote {
				require.NoError(t, l.Unlock(), "what is in memory is there as long as somebody maps it")
				return
			}
			require.ErrorIs(t, l.Unlock(), carom.ErrNotFound)
			l2 := carom.Must(carom.NewLock(m, "l"))
			require.NoError(t, l2.TryLock())
			// The new object is of the new coordinator, also for others.
			require.NoError(t, d3.Set(ctx, "k", 3))
			require.NoError(t, d2.Set(ctx, "new", d3))
			again, ok, err := d2.Get(ctx, "new")
			require.NoError(t, err)
			require.True(t, ok)
			three, _, err := again.Get(ctx, "k")
			require.NoError(t, err)
			require.Equal(t, 3, three)
		})
	}
}
