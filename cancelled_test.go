package carom_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// inAllTransports runs f with a manager whose calls go to the coordinator by a lane, by a
// unix socket with and without the arena mapped, and by tcp.
func inAllTransports(t *testing.T, f func(t *testing.T, m *carom.Manager)) {
	for name, o := range map[string]carom.Options{
		"lane": {}, "no lane": {NoLane: true}, "remote": {Remote: true}, "tcp": {Remote: true, Addr: "tcp://127.0.0.1:0"},
	} {
		t.Run(name, func(t *testing.T) {
			o.Memory, o.Limits.Streams = 64<<20, 40
			m, err := carom.Start(t.Context(), &o)
			require.NoError(t, err)
			t.Cleanup(func() { _ = m.Close() })
			f(t, m)
		})
	}
}

// ending makes contexts that end at any time: before a call, on its way there, while it is
// carried out, on its way back, afterwards.
type ending struct {
	t          *testing.T
	rng        *rand.Rand
	done, late int // calls that were carried out, and whose context had ended when they returned
}

func newEnding(t *testing.T, seed uint64) *ending {
	return &ending{t: t, rng: rand.New(rand.NewPCG(seed, 1))}
}

// call makes a call whose context ends at a random time, and reports whether it was carried
// out. Any error but the context's, and those that are expected, is a failure.
func (e *ending) call(f func(context.Context) error, expected ...error) bool {
	e.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if e.rng.IntN(8) == 0 {
		cancel()
	}
	defer time.AfterFunc(e.soon(), cancel).Stop()
	err := f(ctx)
	if ctx.Err() != nil {
		e.late++
	}
	switch err {
	case nil:
		e.done++
		return true
	case context.Canceled:
		return false
	}
	for _, x := range expected {
		if errors.Is(err, x) {
			return false
		}
	}
	e.t.Fatalf("a call that was cancelled: %v", err)
	return false
}

// enough says that calls met both ends.
func (e *ending) enough() {
	e.t.Helper()
	require.NotZero(e.t, e.done, "no call was carried out")
	require.NotZero(e.t, e.late, "no call was cancelled")
}

// soon is within what a call takes, on a machine that is idle or busy.
func (e *ending) soon() time.Duration {
	return time.Duration(e.rng.IntN(100)<<e.rng.IntN(6)) * time.Microsecond
}

// ledger is what a dict has to hold: keys in the order of their insertion.
type ledger struct {
	keys   []int
	values map[int]int
}

func (l *ledger) set(k, v int) {
	if _, ok := l.values[k]; !ok {
		l.keys = append(l.keys, k)
	}
	l.values[k] = v
}

func (l *ledger) remove(k int) {
	delete(l.values, k)
	l.keys = slices.DeleteFunc(l.keys, func(x int) bool { return x == k })
}

// Each method of a dict, cancelled at a random time, has done what it says, or nothing.
func TestCancelledDict(t *testing.T) {
	inAllTransports(t, func(t *testing.T, m *carom.Manager) {
		d := carom.Must(carom.NewDict[int, int](m, "d"))
		e := newEnding(t, 1)
		l := ledger{values: map[int]int{}}
		for i := range 1200 {
			k, v := e.rng.IntN(6), i
			old, had := l.values[k]
			switch method := e.rng.IntN(13); method {
			case 0:
				if e.call(func(ctx context.Context) error { return d.Set(ctx, k, v) }) {
					l.set(k, v)
				}
			case 1:
				var actual int
				var loaded bool
				if e.call(func(ctx context.Context) (err error) { actual, loaded, err = d.SetDefault(ctx, k, v); return err }) {
					require.Equal(t, had, loaded)
					l.set(k, actual)
					if had {
						require.Equal(t, old, actual)
					}
				}
			case 2:
				if e.call(func(ctx context.Context) error { return d.Delete(ctx, k) }) {
					l.remove(k)
				}
			case 3:
				var got int
				var ok bool
				if e.call(func(ctx context.Context) (err error) { got, ok, err = d.Pop(ctx, k); return err }) {
					require.Equal(t, had, ok)
					require.Equal(t, old, got)
					l.remove(k)
				}
			case 4:
				var key, got int
				if e.call(func(ctx context.Context) (err error) { key, got, err = d.PopItem(ctx); return err }, carom.ErrNotFound) {
					require.Equal(t, l.keys[len(l.keys)-1], key)
					require.Equal(t, l.values[key], got)
					l.remove(key)
				}
			case 5:
				if e.call(func(ctx context.Context) error { return d.Update(ctx, map[int]int{k: v}) }) {
					l.set(k, v)
				}
			case 6:
				if i%5 == 0 && e.call(d.Clear) {
					l = ledger{values: map[int]int{}}
				}
			case 7:
				var sum int
				if e.call(func(ctx context.Context) (err error) { sum, err = carom.AddKey(ctx, d, k, 3); return err }) {
					require.Equal(t, old+3, sum)
					l.set(k, sum)
				}
			case 8, 9:
				var result int
				if e.call(func(ctx context.Context) (err error) {
					result, err = d.Compute(ctx, k, func(now int, ok bool) (int, error) {
						require.Equal(t, had, ok)
						require.Equal(t, old, now)
						if method == 9 {
							return v, carom.ErrDelete
						}
						return v, nil
					})
					return err
				}) {
					if method == 8 {
						require.Equal(t, v, result)
						l.set(k, v)
					} else {
						require.Zero(t, result)
						l.remove(k)
					}
				}
			case 10, 11, 12:
				version := uint64(0)
				for entry, err := range d.All(t.Context()) {
					require.NoError(t, err)
					if entry.Key == k {
						version = entry.Version
					}
				}
				var done bool
				if e.call(func(ctx context.Context) (err error) {
					if method == 12 {
						done, err = d.DeleteIf(ctx, k, version)
					} else {
						_, done, err = d.SetIf(ctx, k, v, version)
					}
					return err
				}) {
					switch {
					case method != 12:
						require.True(t, done)
						l.set(k, v)
					case done:
						require.True(t, had)
						l.remove(k)
					default:
						require.False(t, had)
					}
				}
			}
			now := contents(t, d)
			require.Equal(t, append([]int{}, l.keys...), append([]int{}, now.keys...), "in step %d", i)
			require.Equal(t, l.values, now.values, "in step %d", i)
		}
		e.enough()
	})
}

// contents is what a dict holds.
func contents(t *testing.T, d *carom.Dict[int, int]) ledger {
	t.Helper()
	l := ledger{values: map[int]int{}}
	for entry, err := range d.All(t.Context()) {
		require.NoError(t, err)
		l.set(entry.Key, entry.Value)
	}
	return l
}

// Likewise each method of a list.
func TestCancelledList(t *testing.T) {
	inAllTransports(t, func(t *testing.T, m *carom.Manager) {
		list := carom.Must(carom.NewList[int](m, "l"))
		e := newEnding(t, 2)
		want := []int{}
		for i := range 1200 {
			n := len(want)
			at := e.rng.IntN(n + 1)
			to := at + e.rng.IntN(3)
			var next []int
			var done bool
			switch e.rng.IntN(9) {
			case 0, 1, 2:
				next = append(slices.Clone(want), i, i+1)
				done = e.call(func(ctx context.Context) error { return list.Append(ctx, i, i+1) })
			case 3:
				next = slices.Insert(slices.Clone(want), at, -i)
				done = e.call(func(ctx context.Context) error { return list.Insert(ctx, at, -i) })
			case 4:
				var got int
				done = e.call(func(ctx context.Context) (err error) { got, err = list.Pop(ctx, at); return err }, carom.ErrNotFound)
				if done {
					require.Equal(t, want[at], got)
					next = slices.Delete(slices.Clone(want), at, at+1)
				}
			case 5:
				if done = e.call(func(ctx context.Context) error { return list.Set(ctx, at, i) }, carom.ErrNotFound); done {
					next = slices.Clone(want)
					next[at] = i
				}
			case 6:
				next = slices.Delete(slices.Clone(want), at, min(to, n))
				done = e.call(func(ctx context.Context) error { return list.Delete(ctx, at, to) })
			case 7:
				item := i
				if n > 0 {
					item = want[at%n]
				}
				if done = e.call(func(ctx context.Context) error { return list.Remove(ctx, item) }, carom.ErrNotFound); done {
					first := slices.Index(want, item)
					next = slices.Delete(slices.Clone(want), first, first+1)
				}
			case 8:
				next = slices.Clone(want)
				switch e.rng.IntN(5) {
				case 0:
					next = []int{}
					done = e.call(list.Clear)
				case 1, 2:
					slices.Sort(next)
					done = e.call(list.Sort)
				default:
					slices.Reverse(next)
					done = e.call(list.Reverse)
				}
			}
			if done {
				want = next
			}
			have, err := list.Snapshot(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, have, "in step %d", i)
		}
		e.enough()
	})
}

func TestCancelledNamespace(t *testing.T) {
	inAllTransports(t, func(t *testing.T, m *carom.Manager) {
		ns := carom.Must(carom.NewNamespace(m, "n"))
		e := newEnding(t, 3)
		want := map[string]any{}
		for i := range 400 {
			name := string(rune('a' + e.rng.IntN(4)))
			attr := carom.Attr[int](name)
			if e.rng.IntN(3) > 0 {
				if e.call(func(ctx context.Context) error { return attr.Set(ctx, ns, i) }) {
					want[name] = int64(i)
				}
			} else if e.call(func(ctx context.Context) error { return attr.Delete(ctx, ns) }) {
				delete(want, name)
			}
			have, err := ns.Attrs(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, have, "in step %d", i)
		}
		e.enough()
	})
}

// Many at once: what was given out and what is left is what was put in.
func TestCancelledAcross(t *testing.T) {
	inAllTransports(t, func(t *testing.T, m *carom.Manager) {
		const n, workers = 300, 4
		ctx := t.Context()
		list := carom.Must(carom.NewList[int](m, "l"))
		d := carom.Must(carom.NewDict[string, int](m, "d"))
		var popped, appended, added [workers]int
		var all sync.WaitGroup
		for w := range workers {
			all.Go(func() {
				e := newEnding(t, uint64(10+w))
				for range n {
					if e.tries(func(ctx context.Context) error { return list.Append(ctx, 1) }) {
						appended[w]++
					}
					if e.tries(func(ctx context.Context) error { _, err := list.Pop(ctx, 0); return err }) {
						popped[w]++
					}
					if e.tries(func(ctx context.Context) error { _, err := carom.AddKey(ctx, d, "k", 1); return err }) {
						added[w]++
					}
					if e.tries(func(ctx context.Context) error {
						_, err := d.Compute(ctx, "k", func(now int, _ bool) (int, error) { return now + 1, nil })
						return err
					}) {
						added[w]++
					}
				}
			})
		}
		all.Wait()
		left, err := list.Len(ctx)
		require.NoError(t, err)
		sum := func(a [workers]int) (s int) {
			for _, x := range a {
				s += x
			}
			return s
		}
		require.Equal(t, sum(appended), sum(popped)+left)
		k, _, err := d.Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, sum(added), k)
	})
}

// tries is call for goroutines other than the test's.
func (e *ending) tries(f func(context.Context) error) bool {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer time.AfterFunc(e.soon(), cancel).Stop()
	err := f(ctx)
	if err != nil && err != context.Canceled && !errors.Is(err, carom.ErrNotFound) {
		e.t.Error(err)
	}
	return err == nil
}

// Streams whose beginning is cancelled are ended: those that stayed would soon be more than the
// session may have.
func TestCancelledStreams(t *testing.T) {
	inAllTransports(t, func(t *testing.T, m *carom.Manager) {
		ctx := t.Context()
		d := carom.Must(carom.NewDict[int, []byte](m, "d"))
		list := carom.Must(carom.NewList[[]byte](m, "l"))
		for i := range 40 {
			require.NoError(t, d.Set(ctx, i, make([]byte, 20<<10)))
			require.NoError(t, list.Append(ctx, make([]byte, 20<<10)))
		}
		e := newEnding(t, 4)
		for range 80 {
			e.call(func(ctx context.Context) error { _, err := d.Snapshot(ctx); return err })
			e.call(func(ctx context.Context) error { _, err := d.Keys(ctx); return err })
			e.call(func(ctx context.Context) error { _, err := list.Snapshot(ctx); return err })
			e.call(func(ctx context.Context) error {
				for _, err := range d.WatchAll(ctx) {
					return err
				}
				return nil
			})
		}
		require.NotZero(t, e.late, "no call was cancelled")
	})
}
