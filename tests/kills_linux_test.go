package tests

import (
	"context"
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// traffic is what producers and consumers do until they are killed; they count what they
// are about to do and what they did.
type traffic struct {
	Queue  *carom.Queue[[]byte]
	Counts *carom.Array[int64]
	Size   int
	Role   string
	Sure   bool
}

const (
	putBegun = iota
	putDone
	getBegun
	getDone
	trafficCounts
)

var trafficWorker = carom.NewWorker("traffic", func(ctx context.Context, w traffic) error {
	item := make([]byte, w.Size)
	for i := range item {
		item[i] = byte(len(item))
	}
	for {
		switch w.Role {
		case "put":
			carom.AddAt(w.Counts, putBegun, 1)
			if err := w.Queue.Put(ctx, item); err != nil {
				return err
			}
			carom.AddAt(w.Counts, putDone, 1)
		case "get":
			if !w.Sure {
				carom.AddAt(w.Counts, getBegun, 1)
			}
			b, err := w.Queue.Get(ctx)
			if err != nil {
				return err
			}
			for _, c := range b {
				if c != byte(w.Size) {
					return errors.New("a torn item")
				}
			}
			if w.Sure {
				carom.AddAt(w.Counts, getBegun, 1)
				if err := w.Queue.TaskDone(); err != nil {
					return err
				}
			}
			carom.AddAt(w.Counts, getDone, 1)
		}
	}
})

// TestKilledInPutAndGet kills producers and consumers in the middle of what they do. The
// others go on; what was put is there or was taken, and is whole.
func TestKilledInPutAndGet(t *testing.T) {
	for _, c := range []struct {
		name string
		size int
		opts []carom.Option
		sure bool
	}{
		{"small", 40, nil, false},
		{"capped", 40, []carom.Option{carom.Cap(4)}, false},
		{"large", 20_000, []carom.Option{carom.Cap(50)}, false},
		{"at least once", 40, []carom.Option{carom.AtLeastOnce(), carom.Cap(100)}, true},
		{"at least once, large", 20_000, []carom.Option{carom.AtLeastOnce(), carom.Cap(100)}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := manager(t)
			q := carom.Must(carom.NewQueue[[]byte](m, "queue", c.opts...))
			counts := carom.Must(carom.NewArray[int64](m, "counts", trafficCounts))
			start := func(role string) *carom.Process {
				p, err := trafficWorker.Start(context.Background(), m, traffic{q, counts, c.size, role, c.sure})
				require.NoError(t, err)
				return p
			}
			const deaths = 12
			roles := []string{"put", "get", "get", "put"}
			var workers []*carom.Process
			for _, role := range roles {
				workers = append(workers, start(role))
			}
			for i := range deaths {
				done := counts.Load(getDone)
				eventually(t, "items flow", func() bool { return counts.Load(getDone) > done+50 })
				k := i % len(workers)
				require.NoError(t, workers[k].Kill())
				require.Error(t, workers[k].Wait())
				workers[k] = start(roles[k])
			}
			for _, p := range workers { // all of them
				require.NoError(t, p.Kill())
			}
			for _, p := range workers {
				err := p.Wait()
				require.ErrorContains(t, err, "killed")
			}
			alone(t, m, 2)
			left := int64(0)
			for ; ; left++ {
				b, err := q.TryGet()
				if errors.Is(err, carom.ErrEmpty) || err == io.EOF {
					break
				}
				require.NoError(t, err)
				require.Len(t, b, c.size)
				if c.sure {
					require.NoError(t, q.TaskDone())
				}
			}
			require.GreaterOrEqual(t, left, counts.Load(putDone)-counts.Load(getBegun))
			require.LessOrEqual(t, left, counts.Load(putBegun)-counts.Load(getDone))
			t.Logf("%d items put, %d left, %d processes killed", counts.Load(putDone), left, deaths+len(workers))
			if c.sure {
				require.NoError(t, q.Join(within(t)))
			}
			checked(t, m)
			require.NoError(t, m.Remove(t.Context(), "queue"))
			require.NoError(t, m.Remove(t.Context(), "counts"))
			require.NoError(t, q.Close())
			require.NoError(t, counts.Close())
			settled(t, m, 0)
		})
	}
}

// TestCoordinatorKilled: what lives in memory goes on, what lived in the coordinator
// answers quickly.
func TestCoordinatorKilled(t *testing.T) {
	m := manager(t)
	v := carom.Must(carom.NewValue[int64](m, "value"))
	a := carom.Must(carom.NewArray[int64](m, "array", 3))
	l := carom.Must(carom.NewLock(m, "lock"))
	q := carom.Must(carom.NewQueue[string](m, "queue"))
	d := carom.Must(carom.NewDict[string, int](m, "dict"))
	require.NoError(t, d.Set(t.Context(), "k", 1))
	require.NoError(t, syscall.Kill(coordinatorOf(t, m), syscall.SIGKILL))

	begin := time.Now()
	eventually(t, "the dict says so", func() bool { return errors.Is(d.Set(within(t), "k", 2), carom.ErrUnavailable) })
	_, _, err := d.Get(within(t), "k")
	require.ErrorIs(t, err, carom.ErrUnavailable)
	t.Logf("the dict was unavailable after %v", time.Since(begin))

	require.EqualValues(t, 1, carom.Add(v, 1))
	carom.AddAt(a, 2, 5)
	require.EqualValues(t, 5, a.Load(2))
	require.NoError(t, l.Do(t.Context(), func() error { return nil }))
	require.NoError(t, q.Put(t.Context(), "still"))
	item, err := q.Get(within(t))
	require.NoError(t, err)
	require.Equal(t, "still", item)
	_, err = carom.NewValue[int64](m, "another") // no coordinator is needed for it
	require.NoError(t, err)
	alone(t, m, 1)
	checked(t, m)
}
