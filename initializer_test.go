package carom_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

func init() {
	carom.RegisterInitializer("prepare", func(ctx context.Context, words []string, n int) error {
		switch n {
		case 1:
			return fmt.Errorf("not today: %w", carom.ErrBroken)
		case 2:
			panic("not ever")
		case 3:
			<-ctx.Done() // nobody ends it but Start's patience
		}
		m, err := carom.FromEnv(ctx)
		if err != nil {
			return err
		}
		d, err := carom.NewDict[string, int](m, "prepared")
		if err != nil {
			return err
		}
		for _, w := range words {
			if err := d.Set(ctx, w, n); err != nil {
				return err
			}
		}
		t, err := tallies.New(m, "tally", n)
		if err != nil {
			return err
		}
		if err := carom.Invoke(ctx, t, "Increment"); err != nil {
			return err
		}
		if _, err := carom.NewLock(m, "lock"); err != nil {
			return err
		}
		if err := m.Close(); !errors.Is(err, carom.ErrNotOwner) {
			return fmt.Errorf("the coordinator's own manager could be closed: %w", err)
		}
		return nil
	})
}

func TestInitializer(t *testing.T) {
	ctx := t.Context()
	start := func(name string, args ...any) (*carom.Manager, error) {
		return carom.Start(ctx, &carom.Options{Memory: 64 << 20, Initializer: name, InitArgs: args})
	}
	m, err := start("prepare", []string{"a", "b"}, 7)
	require.NoError(t, err)
	defer m.Close()
	all, err := carom.Must(carom.OpenDict[string, int](m, "prepared")).Snapshot(ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"a": 7, "b": 7}, all)
	require.Equal(t, 9, call[int](t, carom.Must(tallies.Open(m, "tally")), "Increment"))
	require.NoError(t, carom.Must(carom.OpenLock(m, "lock")).TryLock())

	_, err = start("prepare", []string{}, 1)
	require.ErrorIs(t, err, carom.ErrBroken)
	require.ErrorContains(t, err, "not today")
	_, err = start("prepare", nil, 2)
	require.ErrorContains(t, err, "panic: not ever")
	_, err = start("prepare", nil)
	require.ErrorIs(t, err, carom.ErrType)
	require.ErrorContains(t, err, `initializer "prepare" takes 2 arguments, got 1`)
	_, err = start("prepare", nil, "x")
	require.ErrorIs(t, err, carom.ErrType)
	_, err = start("nobody")
	require.ErrorIs(t, err, carom.ErrNotFound)
	require.ErrorContains(t, err, `"nobody"`)
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err = carom.Start(short, &carom.Options{Initializer: "prepare", InitArgs: []any{nil, 3}})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// relay calls other objects of the coordinator that it lives in.
type relay struct{ d *carom.Dict[string, int] }

func (r *relay) Count(ctx context.Context, key string, n int) (sum int, err error) {
	for range n {
		if sum, err = carom.AddKey(ctx, r.d, key, 1); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// Pass goes on to the next relay.
func (r *relay) Pass(ctx context.Context, refs []carom.Ref) (int, error) {
	if len(refs) == 0 {
		return r.d.Len(ctx)
	}
	return carom.Call[int](ctx, refs[0], "Pass", refs[1:])
}

// Last makes a call when the manager is shutting down.
func (r *relay) Last(ctx context.Context, inside *carom.Event) (int, error) {
	m, err := carom.FromEnv(ctx)
	if err == nil {
		err = inside.Set()
	}
	for ; err == nil; runtime.Gosched() {
		_, err = carom.NewEvent(m, "probe")
	}
	if !errors.Is(err, carom.ErrClosed) {
		return 0, err
	}
	return r.Count(ctx, "last", 1)
}

var relays = carom.Register[*relay]("Relay", func(ctx context.Context) (*relay, error) {
	m, err := carom.FromEnv(ctx)
	if err != nil {
		return nil, err
	}
	d, err := carom.NewDict[string, int](m, "relayed")
	return &relay{d}, err
})

func TestMethodsCallObjects(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		const n, each = 8, 50
		var refs []carom.Ref
		done := make(chan error)
		for i := range n {
			r := carom.Must(relays.New(b, fmt.Sprint("r", i)))
			refs = append(refs, r)
			go func() { done <- carom.Invoke(ctx, r, "Count", "k", each) }()
		}
		for range n {
			require.NoError(t, <-done)
		}
		v, _, err := carom.Must(carom.OpenDict[string, int](a, "relayed")).Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, n*each, v)
		require.Equal(t, 1, call[int](t, refs[0], "Pass", refs[1:]))
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		err = carom.Invoke(short, refs[0], "Pass", []carom.Ref{refs[0]})
		require.ErrorIs(t, err, context.DeadlineExceeded, "an object that calls itself waits for itself, and no longer than its caller")
		require.Equal(t, 1, call[int](t, refs[0], "Pass", nil))
	})
}

// A coordinator that drains lets methods at work call its objects.
func TestShutdownWaitsForMethods(t *testing.T) {
	m, ctx := startManager(t), t.Context()
	inside := newEvents(t, m, "inside")[0]
	r := carom.Must(relays.New(m, "r"))
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := carom.Call[int](ctx, r, "Last", inside)
		done <- result{n, err}
	}()
	require.NoError(t, inside.Wait(ctx))
	require.NoError(t, m.Shutdown(ctx))
	got := <-done
	require.NoError(t, got.err)
	require.Equal(t, 1, got.n)
}

// What runs in this process by Serve has a manager of its own, too.
func TestServeTypes(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	key, addr, served := []byte("a secret"), make(chan string, 1), make(chan error, 1)
	go func() {
		served <- carom.Serve(ctx, carom.ServeConfig{AuthKey: key, Memory: 64 << 20, Ready: func(a []string) { addr <- a[0] }}, time.Second)
	}()
	m, err := carom.Connect(ctx, <-addr, &carom.Options{AuthKey: key})
	require.NoError(t, err)
	r := carom.Must(relays.New(m, "r"))
	require.Equal(t, 3, call[int](t, r, "Count", "k", 3))
	p := carom.Must(porters.New(m, "p"))
	n, err := call[*carom.Dict[string, int]](t, p, "Plain").Len(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	_, err = carom.FromEnv(context.Background())
	require.ErrorIs(t, err, carom.ErrNotFound)
	require.NoError(t, m.Close())
	stop()
	require.NoError(t, <-served)
}
