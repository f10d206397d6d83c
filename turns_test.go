package carom_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// gate has methods that wait, for events that the test gives them.
type gate struct{}

func (gate) Pass(ctx context.Context, inside, out *carom.Event) error {
	if err := inside.Set(); err != nil {
		return err
	}
	return out.Wait(ctx)
}

// Stubborn does not heed its context.
func (g gate) Stubborn(inside, out *carom.Event) error {
	return g.Pass(context.Background(), inside, out)
}

// Until ends with its context.
func (gate) Until(ctx context.Context, inside, over *carom.Event) error {
	if err := inside.Set(); err != nil {
		return err
	}
	<-ctx.Done()
	return over.Set()
}

func (gate) Nothing() {}

var (
	gates     = carom.Register[*gate]("Gate", func() *gate { return &gate{} })
	openGates = carom.Register[*gate]("OpenGate", func() *gate { return &gate{} }, carom.Concurrent())
	slow      = carom.Register[*tally]("Slow", func(ctx context.Context, inside, out *carom.Event) (*tally, error) {
		return &tally{}, gate{}.Pass(ctx, inside, out)
	})
)

func newEvents(t *testing.T, m *carom.Manager, names ...string) (events []*carom.Event) {
	for _, name := range names {
		e, err := carom.NewEvent(m, name)
		require.NoError(t, err)
		events = append(events, e)
	}
	return events
}

// One method at a time runs on an object, and whoever waits for its turn can leave.
func TestTurns(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		e := newEvents(t, a, "first", "second", "out")
		g := carom.Must(gates.New(a, "g"))
		h := carom.Must(gates.Open(b, "g"))
		var wg sync.WaitGroup
		wg.Go(func() { assert.NoError(t, carom.Invoke(ctx, g, "Pass", e[0], e[2])) })
		require.NoError(t, e[0].Wait(ctx))
		leave, cancel := context.WithCancel(ctx)
		left := make(chan error)
		go func() { left <- carom.Invoke(leave, h, "Pass", e[1], e[2]) }()
		other := carom.Must(gates.New(b, "other"))
		require.NoError(t, carom.Invoke(ctx, other, "Nothing"), "an object of its own")
		require.NoError(t, carom.Invoke(ctx, other, "Nothing"), "the connection goes on")
		require.False(t, e[1].IsSet())
		cancel()
		require.ErrorIs(t, <-left, context.Canceled)
		require.False(t, e[1].IsSet(), "it was not its turn")
		require.NoError(t, e[2].Set())
		wg.Wait()
		require.NoError(t, carom.Invoke(ctx, h, "Nothing"))
	})
}

func TestConcurrent(t *testing.T) {
	m, ctx := startManager(t), t.Context()
	e := newEvents(t, m, "first", "second", "out")
	g := carom.Must(openGates.New(m, "g"))
	var wg sync.WaitGroup
	for _, inside := range e[:2] {
		wg.Go(func() { assert.NoError(t, carom.Invoke(ctx, g, "Pass", inside, e[2])) })
	}
	require.NoError(t, e[0].Wait(ctx))
	require.NoError(t, e[1].Wait(ctx))
	require.NoError(t, carom.Invoke(ctx, g, "Nothing"))
	require.NoError(t, e[2].Set())
	wg.Wait()
}

// The end of the caller's context is that of the method's.
func TestCancelInside(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		e := newEvents(t, a, "inside", "over")
		g := carom.Must(gates.New(b, "g"))
		leave, cancel := context.WithCancel(ctx)
		left := make(chan error)
		go func() { left <- carom.Invoke(leave, g, "Until", e[0], e[1]) }()
		require.NoError(t, e[0].Wait(ctx))
		cancel()
		require.ErrorIs(t, <-left, context.Canceled)
		require.NoError(t, e[1].Wait(ctx))
		require.NoError(t, carom.Invoke(ctx, g, "Nothing"))

		// So is the end of the client.
		require.NoError(t, e[0].Clear())
		require.NoError(t, e[1].Clear())
		go func() { left <- carom.Invoke(ctx, g, "Until", e[0], e[1]) }()
		require.NoError(t, e[0].Wait(ctx))
		require.NoError(t, b.Close())
		require.ErrorIs(t, <-left, carom.ErrClosed)
		require.NoError(t, carom.Must(carom.OpenEvent(a, "over")).Wait(ctx))
	})
}

// A method that does not heed its context is left to itself; the object's next call waits
// for it, nobody else does.
func TestStubbornMethod(t *testing.T) {
	m, ctx := startManager(t), t.Context()
	e := newEvents(t, m, "inside", "out")
	g := carom.Must(gates.New(m, "g"))
	leave, cancel := context.WithCancel(ctx)
	left := make(chan error)
	go func() { left <- carom.Invoke(leave, g, "Stubborn", e[0], e[1]) }()
	require.NoError(t, e[0].Wait(ctx))
	cancel()
	require.ErrorIs(t, <-left, context.Canceled)
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, carom.Invoke(short, g, "Nothing"), context.DeadlineExceeded)
	require.NoError(t, e[1].Set())
	require.NoError(t, carom.Invoke(ctx, g, "Nothing"))

	// It does not hold up the coordinator's end either.
	require.NoError(t, e[0].Clear())
	require.NoError(t, e[1].Clear())
	go func() { left <- carom.Invoke(ctx, g, "Stubborn", e[0], e[1]) }()
	require.NoError(t, e[0].Wait(ctx))
	begin := time.Now()
	_ = m.Close()
	<-left
	require.Less(t, time.Since(begin), 4*time.Second, "5 s is when it would have been killed")
}

// A factory may take its time: it holds up who opens the same name, and may leave.
func TestSlowFactory(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		e := newEvents(t, a, "inside", "out")
		made := make(chan error, 2)
		go func() { _, err := slow.New(b, "s", e[0], e[1]); made <- err }()
		require.NoError(t, e[0].Wait(ctx))
		_, err := carom.NewDict[string, int](b, "s")
		require.ErrorIs(t, err, carom.ErrType, "at once")
		other := carom.Must(tallies.New(b, "t", 1))
		require.Equal(t, 2, call[int](t, other, "Increment"))
		go func() { _, err := slow.New(a, "s", e[0], e[1]); made <- err }()
		require.NoError(t, e[1].Set())
		require.NoError(t, <-made)
		require.NoError(t, <-made)
	})
}

// A constructor takes no context: Options.Timeout ends its wait, and nothing was made.
func TestFactoryTimesOut(t *testing.T) {
	key := []byte("a secret")
	m, err := carom.Start(t.Context(), &carom.Options{Memory: 64 << 20, AuthKey: key})
	require.NoError(t, err)
	defer m.Close()
	hasty, err := carom.Connect(t.Context(), m.Addr(), &carom.Options{AuthKey: key, Timeout: 50 * time.Millisecond})
	require.NoError(t, err)
	defer hasty.Close()
	e := newEvents(t, m, "inside", "out")
	_, err = slow.New(hasty, "s", e[0], e[1])
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.True(t, e[0].IsSet())
	_, err = slow.Open(m, "s")
	require.ErrorIs(t, err, carom.ErrNotFound)
	require.NoError(t, e[1].Set())
	_, err = slow.New(m, "s", e[0], e[1])
	require.NoError(t, err)
}
