package coord

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/carom-ipc/carom/internal/errs"
)

// A scan among changes meets what was there all along exactly once, and
// nothing twice.
func TestScanAmongChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &dict{
			budget: &Budget{limit: 1 << 30}, entries: map[string]*dictEntry{}, watchers: map[*dictWatcher]struct{}{},
		}
		run := func(method string, a ...any) *Reader {
			out, err := d.Call(context.Background(), &Session{srv: &Server{limits: Limits{}.withDefaults()}}, method, args(a...), nil)
			require.NoError(t, err)
			return NewReader(out)
		}
		n := rapid.IntRange(0, 300).Draw(t, "n")
		steady := map[int]bool{}
		for k := range n {
			run("set", k, k)
			steady[k] = true
		}
		key := rapid.IntRange(0, 350)
		var met []int
		for after, until, first := uint64(0), uint64(0), true; first || after != until; first = false {
			r := run("scan", after, until, rapid.IntRange(0, 50).Draw(t, "max"))
			r.Args(3)
			after, until = r.Uint(), r.Uint()
			for range r.Array() / 3 {
				met = append(met, int(r.Int()))
				r.Raw()
				r.Uint()
			}
			require.NoError(t, r.Err())
			for range rapid.IntRange(0, 40).Draw(t, "changes") {
				k := key.Draw(t, "key")
				switch rapid.IntRange(0, 3).Draw(t, "change") {
				case 0:
					run("set", k, -1)
				case 3:
					if len(d.entries) > 0 {
						r := run("popitem")
						r.Args(3)
						delete(steady, int(r.Int()))
					}
				default:
					run("delete", k)
					delete(steady, k)
				}
			}
		}
		slices.Sort(met)
		require.Equal(t, slices.Compact(slices.Clone(met)), met, "met twice")
		for k := range steady {
			require.Contains(t, met, k)
		}
		require.Equal(t, len(d.entries), len(d.order.slots)-d.order.holes)
		require.Equal(t, d.budget.Used(), d.size)
	})
}

func TestMemoryComesBack(t *testing.T) {
	s, c := pair(t, Config{})
	d, l := open(t, c, KindDict, "d"), open(t, c, KindList, "l")
	empty := s.Stats().Bytes
	for i := range 200 {
		invoke(t, c, d, "set", i%50, make([]byte, i))
		invoke(t, c, d, "update", i%70, i, "x", "y")
		invoke(t, c, l, "append", i, "item")
		invoke(t, c, l, "set", i, make([]byte, i))
		invoke(t, c, d, "add", "sum", i*1000, "int")
	}
	var infos []Info
	for i, err := range c.Objects(testContext(t)) {
		require.NoError(t, err)
		infos = append(infos, i)
	}
	require.Len(t, infos, 2)
	require.Equal(t, s.Stats().Bytes-empty, infos[0].Size+infos[1].Size)
	require.Equal(t, Info{"d", infos[0].ID, KindDict, "", 72, infos[0].Size, 1}, infos[0])
	require.Equal(t, Info{"l", infos[1].ID, KindList, "", 400, infos[1].Size, 1}, infos[1])
	for range 30 {
		invoke(t, c, l, "pop", 0)
		invoke(t, c, l, "delete", 3, 9)
		invoke(t, c, d, "popitem")
	}
	invoke(t, c, d, "clear")
	invoke(t, c, l, "clear")
	require.Equal(t, empty, s.Stats().Bytes)

	// Removed, the objects serve who has them open, and go with the last.
	ctx := testContext(t)
	require.NoError(t, c.Remove(ctx, "d"))
	require.ErrorIs(t, c.Remove(ctx, "d"), errs.ErrNotFound)
	invoke(t, c, d, "set", 1, 1)
	require.NoError(t, c.Release(ctx, d))
	require.ErrorIs(t, c.Release(ctx, d), errs.ErrNotFound)
	require.NoError(t, s.Remove(ctx, "l"))
	require.NoError(t, c.Release(ctx, l))
	require.Zero(t, s.Stats().Bytes)
}

func TestSnapshotIsOneMoment(t *testing.T) {
	s, c := pair(t, Config{})
	d := open(t, c, KindDict, "d")
	for i := range 40 {
		invoke(t, c, d, "set", i, make([]byte, 30<<10))
	}
	before := s.Stats().Bytes
	st, err := c.Stream(testContext(t), d, "snapshot", args(1))
	require.NoError(t, err)
	invoke(t, c, d, "clear")
	n := 0
	for batch, err := range st.All(testContext(t)) {
		require.NoError(t, err)
		n += NewReader(batch).Array()
	}
	require.Equal(t, 40, n)

	values, err := c.Stream(testContext(t), d, "snapshot", args(7))
	require.ErrorIs(t, err, errs.ErrType)
	require.Nil(t, values)
	require.Less(t, s.Stats().Bytes, before)
	require.Equal(t, int64(objectCost+1), s.Stats().Bytes, "what the snapshot held is given back")
}

func TestWatcherThatLags(t *testing.T) {
	_, c := pair(t, Config{})
	d := open(t, c, KindDict, "d")
	ctx := testContext(t)
	st, err := c.Stream(ctx, d, "watch", args())
	require.NoError(t, err)
	invoke(t, c, d, "set", "k", 1)
	batch, err := st.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, `[[0 "k" 1 1]]`, diag(NewReader(batch)))
	for i := range watchChanges {
		invoke(t, c, d, "set", "k", i)
	}
	n := 0
	for n < watchChanges {
		batch, err := st.Next(ctx)
		require.NoError(t, err)
		n += NewReader(batch).Array()
	}
	for i := range watchChanges + 1 {
		invoke(t, c, d, "set", "k", i)
	}
	_, err = st.Next(ctx)
	require.ErrorIs(t, err, errs.ErrFull)
	require.ErrorContains(t, err, "lagged")
}

func TestWatchersArePaidFor(t *testing.T) {
	s, c := pair(t, Config{Limits: Limits{Memory: 1 << 20}})
	d := open(t, c, KindDict, "d")
	ctx := testContext(t)
	idle := s.Stats().Bytes
	_, err := c.Stream(ctx, d, "watch", append(AppendArray(nil, 1<<20), make([]byte, 1<<20)...))
	require.ErrorIs(t, err, errs.ErrNoMemory)
	require.Equal(t, idle, s.Stats().Bytes)

	st, err := c.Stream(ctx, d, "watch", args("k", "other"))
	require.NoError(t, err)
	for range 9 { // of which the dict itself keeps one
		invoke(t, c, d, "set", "k", make([]byte, 100<<10))
	}
	_, err = c.Call(ctx, d, "set", args("x", make([]byte, 100<<10)), nil)
	require.ErrorIs(t, err, errs.ErrNoMemory)
	_, err = st.Next(ctx)
	require.NoError(t, err)
	st.Close()
	invoke(t, c, d, "clear")
	require.Equal(t, idle, s.Stats().Bytes)
}

// What is there, in batches, then what happened since, and neither twice.
func TestWatchAll(t *testing.T) {
	s, c := pair(t, Config{Limits: Limits{Memory: 16 << 20}})
	d := open(t, c, KindDict, "d")
	ctx := testContext(t)
	const n = 20
	for i := range n { // more than goes into a batch
		invoke(t, c, d, "set", i, make([]byte, 100<<10))
	}
	idle := s.Stats().Bytes
	st, err := c.Stream(ctx, d, "watchall", args())
	require.NoError(t, err)
	require.Greater(t, s.Stats().Bytes, idle, "what it holds is paid for")
	for i := range n {
		invoke(t, c, d, "set", i, i)
	}
	invoke(t, c, d, "deleteif", 3, 2*n)
	var old, now []int
	for len(old)+len(now) < 2*n {
		batch, err := st.Next(ctx)
		require.NoError(t, err)
		in := NewReader(batch)
		for range in.Array() {
			in.Args(4)
			require.Zero(t, in.Uint())
			key := int(in.Int())
			if raw := in.Raw(); len(raw) > 100 {
				require.Empty(t, now)
				old = append(old, key)
			} else {
				now = append(now, key)
			}
			require.EqualValues(t, len(old)+len(now), in.Uint(), "the version")
			require.NoError(t, in.Err())
		}
	}
	require.Len(t, old, n)
	require.Equal(t, old, now)
	st.Close()
	invoke(t, c, d, "clear")

	invoke(t, c, d, "set", "k", 1)
	st, err = c.Stream(ctx, d, "watchall", args())
	require.NoError(t, err)
	for i := range watchChanges + 1 {
		invoke(t, c, d, "set", "k", i)
	}
	_, err = st.Next(ctx)
	require.ErrorIs(t, err, errs.ErrFull, "what there was has no continuation")
	invoke(t, c, d, "clear")
	require.Equal(t, int64(objectCost+1), s.Stats().Bytes, "all is given back")
}

func TestShutdownDrains(t *testing.T) {
	g := newGate()
	s, c := pair(t, Config{Kinds: g.kind()})
	id, d := open(t, c, "gate", "g"), open(t, c, KindDict, "d")
	ctx := testContext(t)
	st, err := c.Stream(ctx, d, "watch", args())
	require.NoError(t, err)
	watched, waited := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := st.Next(ctx)
		watched <- err
	}()
	short, cancel := context.WithCancel(ctx)
	go func() {
		_, err := c.Call(short, id, "wait", args(), nil)
		waited <- err
	}()
	<-g.entered
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(ctx) }()
	if err := <-watched; !errors.Is(err, errs.ErrClosed) { // or it came too late
		require.ErrorIs(t, err, errs.ErrUnavailable)
	}
	require.ErrorIs(t, c.Ping(ctx), errs.ErrUnavailable, "nothing new is taken")
	cancel() // the last call in flight ends
	require.Error(t, <-waited)
	require.NoError(t, <-stopped)
	require.True(t, g.closed.Load())
	short, cancel = context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	err = c.Ping(short)
	require.ErrorIs(t, err, errs.ErrUnavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
