package shm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/errs"
)

// Helper processes are commands of TestMain: they attach the arena in descriptor 3,
// say ready, and do what their name says.
var helpers = map[string]func(a *Arena){}

func TestMain(m *testing.M) {
	if name := os.Getenv("CAROM_TEST_HELPER"); name != "" {
		a, err := Attach(os.NewFile(3, "arena"))
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		helpers[name](a)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// start runs a helper until it has printed a line, which is returned.
func start(t *testing.T, a *Arena, name string, env ...string) (*exec.Cmd, string) {
	c := exec.Command("/proc/self/exe")
	c.Env = append(append(os.Environ(), "CAROM_TEST_HELPER="+name), env...)
	c.ExtraFiles = []*os.File{a.File()}
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	b := make([]byte, 100)
	n, err := out.Read(b)
	require.NoError(t, err)
	return c, strings.TrimSpace(string(b[:n]))
}

func ready() { fmt.Println("ready"); select {} }

func newArena(t testing.TB, budget int64) *Arena {
	a, err := Create(budget)
	require.NoError(t, err)
	t.Cleanup(func() { _ = a.Close(context.Background()) })
	return a
}

func attachAgain(t testing.TB, a *Arena) *Arena {
	b, err := Attach(a.File())
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	return b
}

func sound(t testing.TB, a *Arena, quiet bool) {
	t.Helper()
	found, err := a.Check(context.Background(), quiet)
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestObjects(t *testing.T) {
	a := newArena(t, 16*mib)
	b := attachAgain(t, a)
	ctx := t.Context()
	spec := Spec{Name: "x", Kind: Value, Type: "int64", Payload: CellPayload(8)}
	o, created, err := a.Open(ctx, spec)
	require.NoError(t, err)
	require.True(t, created)
	p, created, err := b.Open(ctx, spec)
	require.NoError(t, err)
	require.False(t, created)
	var ca, cb Cell[int64]
	ca.Bind(o.Object)
	cb.Bind(p.Object)
	require.EqualValues(t, 5, AddAt[int64](ca.Place(), 5))
	require.EqualValues(t, 5, LoadAt[int64](cb.Place()))

	spec.Exclusive = true
	_, _, err = b.Open(ctx, spec)
	require.ErrorIs(t, err, errs.ErrExists)
	_, _, err = b.Open(ctx, Spec{Name: "x", Kind: Value, Type: "int32", Payload: CellPayload(4)})
	require.ErrorIs(t, err, errs.ErrType)
	require.ErrorContains(t, err, "Value[int64]")
	require.ErrorContains(t, err, "Value[int32]")
	_, _, err = b.Open(ctx, Spec{Name: "y", Kind: Value, OpenOnly: true})
	require.ErrorIs(t, err, errs.ErrNotFound)

	require.NoError(t, b.Remove(ctx, "x"))
	require.ErrorIs(t, a.Remove(ctx, "x"), errs.ErrNotFound)
	sound(t, a, true)
	require.NoError(t, o.Close(context.Background()))
	sound(t, a, true)
	require.NoError(t, p.Close(context.Background()))
	require.ErrorIs(t, p.Close(context.Background()), errs.ErrClosed)
	sound(t, a, true)
	require.NoError(t, a.Flush(ctx))
	require.NoError(t, b.Flush(ctx))
	sound(t, a, true)
	require.Zero(t, a.Stats().Objects)
	require.Zero(t, a.Stats().Used)
}

func TestManyObjects(t *testing.T) {
	a := newArena(t, 256*mib)
	b := attachAgain(t, a)
	const n = 50_000
	var objects []*Handle
	for i := range n {
		o, _, err := a.Open(t.Context(), Spec{Name: fmt.Sprintf("value-%d", i), Kind: Value, Type: "int64", Payload: CellPayload(8)})
		require.NoError(t, err)
		objects = append(objects, o)
	}
	require.LessOrEqual(t, a.Stats().Used, int64(128*n))
	for i := range n {
		o, created, err := b.Open(t.Context(), Spec{Name: fmt.Sprintf("value-%d", i), Kind: Value, Type: "int64", OpenOnly: true})
		require.NoError(t, err)
		require.False(t, created)
		objects = append(objects, o)
	}
	sound(t, a, true)
	for i := range n {
		require.NoError(t, a.Remove(t.Context(), fmt.Sprintf("value-%d", i)))
	}
	for _, o := range objects {
		require.NoError(t, o.Close(context.Background()))
	}
	sound(t, a, true)
	require.Zero(t, a.Stats().Used)
	require.LessOrEqual(t, a.Stats().Committed, int64(a.keepIdle()+chunkSize*numClasses))
}

func TestBudget(t *testing.T) {
	a := newArena(t, 4*mib)
	_, _, err := a.Open(t.Context(), Spec{Name: "big", Kind: Array, Payload: 5 * mib})
	require.ErrorIs(t, err, errs.ErrTooLarge)
	n := 0
	for ; ; n++ {
		if _, _, err = a.Open(t.Context(), Spec{Name: fmt.Sprint(n), Kind: Array, Payload: 100 * kib}); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, errs.ErrNoMemory)
	require.Greater(t, n, 20)
	sound(t, a, true)
	require.NoError(t, a.objects[0].handles.Close(context.Background()))
	require.NoError(t, a.Remove(t.Context(), "0"))
	_, _, err = a.Open(t.Context(), Spec{Name: "again", Kind: Array, Payload: 100 * kib})
	require.NoError(t, err)
	sound(t, a, true)
}

func init() {
	helpers["hold"] = func(a *Arena) {
		o, _, err := a.Open(context.Background(), Spec{Name: "lock", Kind: Lock, Payload: LockPayload})
		if err == nil {
			_, err = LockOf(o.Object).Lock(context.Background(), a.domain, futex.Report)
		}
		if err != nil {
			fmt.Println(err)
		}
		ready()
	}
}

func TestOwnerKilled(t *testing.T) {
	for _, mode := range []string{"robust", "file"} {
		t.Run(mode, func(t *testing.T) {
			a := newArena(t, 4*mib)
			victim, said := start(t, a, "hold", "CAROM_LIVENESS="+mode)
			require.Equal(t, "ready", said)
			o, _, err := a.Open(t.Context(), Spec{Name: "lock", Kind: Lock, Payload: LockPayload})
			require.NoError(t, err)
			_, err = LockOf(o.Object).TryLock(a.domain, futex.Report)
			require.ErrorIs(t, err, errs.ErrLocked)
			got := make(chan error)
			go func() {
				_, err := LockOf(o.Object).Lock(context.Background(), a.domain, futex.Report)
				got <- err
			}()
			for s, _ := a.domain.Stats(); s == 0; s, _ = a.domain.Stats() {
				time.Sleep(time.Millisecond)
			}
			begin := time.Now()
			require.NoError(t, victim.Process.Kill())
			require.ErrorIs(t, <-got, errs.ErrOwnerDied)
			t.Logf("noticed after %v", time.Since(begin))
			for a.Stats().Recoveries == 0 { // the watcher gets there as well
				time.Sleep(time.Millisecond)
			}
			require.Equal(t, 1, a.Stats().Processes)
			sound(t, a, true)
		})
	}
}

func TestStopped(t *testing.T) {
	a := newArena(t, 4*mib)
	b := attachAgain(t, a)
	require.Equal(t, 2, a.Stats().Processes)
	o, _, err := b.Open(t.Context(), Spec{Name: "e", Kind: Event, Payload: EventPayload})
	require.NoError(t, err)
	got := make(chan error)
	go func() { got <- EventOf(o.Object).Wait(context.Background(), b.domain) }()
	require.NoError(t, b.Close(context.Background()))
	require.ErrorIs(t, <-got, errs.ErrClosed)
	require.Equal(t, 1, a.Stats().Processes)
	sound(t, a, true)
}

func queues(t *testing.T, kind Kind, cap int, confirm bool) (*Items, *Items) {
	a := newArena(t, 64*mib)
	b := attachAgain(t, a)
	q, err := openQueue(a, t.Context(), QueueSpec(kind, "q", "bytes", cap, confirm))
	require.NoError(t, err)
	r, err := openQueue(b, t.Context(), QueueSpec(kind, "q", "bytes", cap, confirm))
	require.NoError(t, err)
	return q, r
}

func get(t *testing.T, q *Items) ([]byte, Claim) {
	t.Helper()
	var b []byte
	put := func(v []byte) { b = append([]byte{}, v...) }
	c, err := q.Get(t.Context(), false, put, put)
	require.NoError(t, err)
	return b, c
}

func TestQueueSizes(t *testing.T) {
	q, r := queues(t, Queue, 0, false)
	sizes := []int{0, 1, 7, 8, 63, 64, 65, 4000, 4096, MaxInline, MaxInline + 1, 65536, 1 << 20}
	for round := range 20 {
		for _, n := range sizes {
			item := []byte(strings.Repeat(string(rune('a'+round)), n))
			require.NoError(t, q.Put(t.Context(), nil, item, true))
		}
		require.Equal(t, len(sizes), r.Len())
		for _, n := range sizes {
			b, _ := get(t, r)
			require.Len(t, b, n)
			require.Equal(t, strings.Repeat(string(rune('a'+round)), n), string(b))
		}
	}
	_, err := r.Get(t.Context(), false, nil, nil)
	require.ErrorIs(t, err, errs.ErrEmpty)
	require.ErrorIs(t, q.Put(t.Context(), nil, make([]byte, 65*mib), true), errs.ErrTooLarge)
	sound(t, q.a, true)
	require.NoError(t, q.CloseWrite(t.Context()))
	_, err = r.Get(t.Context(), true, nil, nil)
	require.ErrorIs(t, err, io.EOF)
	require.ErrorIs(t, r.Put(t.Context(), nil, nil, true), errs.ErrClosed)
	require.NoError(t, q.a.Remove(t.Context(), "q"))
	require.NoError(t, q.u.Close(context.Background()))
	require.NoError(t, r.u.Close(context.Background()))
	sound(t, q.a, true)
	require.Zero(t, q.a.Stats().Used)
}

func TestQueueBudget(t *testing.T) {
	q, r := queues(t, Queue, 0, false)
	n := 0
	var err error
	for ; err == nil; n++ {
		err = q.Put(t.Context(), nil, make([]byte, 1<<20), true)
	}
	require.ErrorIs(t, err, errs.ErrNoMemory)
	n--
	require.Equal(t, n, q.Len())
	for range n {
		get(t, r)
	}
	sound(t, q.a, true)
	require.NoError(t, q.Put(t.Context(), nil, make([]byte, 1<<20), true))
}

func TestQueueConcurrent(t *testing.T) {
	for _, cap := range []int{0, 1, 100} {
		t.Run(fmt.Sprint(cap), func(t *testing.T) {
			q, r := queues(t, Queue, cap, false)
			const producers, each = 4, 5000
			var puts, gets sync.WaitGroup
			for p := range producers {
				puts.Go(func() {
					for i := range each {
						size := i % 100
						if i%500 == 0 {
							size = 20000
						}
						item := fmt.Appendf(nil, "%d %d %s", p, i, strings.Repeat("x", size))
						if err := q.Put(context.Background(), nil, item, true); err != nil {
							panic(err)
						}
					}
				})
			}
			var mu sync.Mutex
			seen := map[string]int{}
			for range 3 {
				gets.Go(func() {
					last := map[int]int{}
					for {
						var item string
						put := func(b []byte) { item = string(b) }
						_, err := r.Get(context.Background(), true, put, put)
						if errors.Is(err, io.EOF) {
							return
						}
						if err != nil {
							panic(err)
						}
						var p, i int
						var x string
						_, _ = fmt.Sscan(item, &p, &i, &x)
						if before, ok := last[p]; ok && before >= i {
							panic(fmt.Sprintf("producer %d: %d after %d: %d bytes %.20q", p, i, before, len(item), item))
						}
						last[p] = i
						mu.Lock()
						seen[fmt.Sprint(p, i)]++
						mu.Unlock()
					}
				})
			}
			puts.Wait()
			require.NoError(t, q.CloseWrite(t.Context()))
			gets.Wait()
			require.Len(t, seen, producers*each)
			for _, n := range seen {
				require.Equal(t, 1, n)
			}
			sound(t, q.a, true)
		})
	}
}

func TestQueueConfirm(t *testing.T) {
	q, r := queues(t, Queue, 0, true)
	big := strings.Repeat("b", 100_000)
	for i := range 2000 {
		require.NoError(t, q.Put(t.Context(), nil, fmt.Append(nil, i), true))
	}
	require.NoError(t, q.Put(t.Context(), []byte(big[:5]), []byte(big[5:]), true))
	b, c0 := get(t, q)
	require.Equal(t, "0", string(b))
	var claims []Claim
	for i := 1; i < 2000; i++ {
		b, c := get(t, r)
		require.Equal(t, fmt.Sprint(i), string(b))
		claims = append(claims, c)
	}
	b, c := get(t, r)
	require.Equal(t, big, string(b))
	require.NoError(t, r.Return(t.Context(), claims[4]))
	require.ErrorIs(t, r.Done(t.Context(), claims[4]), errs.ErrOverRelease)
	b, again := get(t, q)
	require.Equal(t, "5", string(b))
	require.NoError(t, r.Done(t.Context(), c))
	sound(t, q.a, true)
	// r dies with what it took; everything comes back, in order.
	require.NoError(t, r.a.Close(context.Background()))
	require.NoError(t, q.Done(t.Context(), c0))
	require.NoError(t, q.Done(t.Context(), again))
	for i := 1; i < 2000; i++ {
		if i == 5 {
			continue
		}
		b, c := get(t, q)
		require.Equal(t, fmt.Sprint(i), string(b))
		require.NoError(t, q.Done(t.Context(), c))
	}
	require.NoError(t, q.Join(t.Context()))
	_, err := q.Get(t.Context(), false, nil, nil)
	require.ErrorIs(t, err, errs.ErrEmpty)
	sound(t, q.a, true)
}

func TestByteItems(t *testing.T) {
	q, r := queues(t, ByteQueue, 0, false)
	for _, n := range []int{0, 1, 64, 1 << 20} {
		block, buf, err := q.Reserve(t.Context(), n)
		require.NoError(t, err)
		for i := range buf {
			buf[i] = byte(i)
		}
		require.NoError(t, q.Commit(t.Context(), block, n, true))
		block, view, err := r.Receive(t.Context(), true)
		require.NoError(t, err)
		require.Len(t, view, n)
		for i := range view {
			require.Equal(t, byte(i), view[i])
		}
		require.NoError(t, r.Drop(block))
	}
	q.flush()
	r.flush()
	sound(t, q.a, true)
}

// openQueue opens a queue by a handle of its own.
func openQueue(a *Arena, ctx context.Context, s Spec) (*Items, error) {
	h, _, err := a.Open(ctx, s)
	if err != nil {
		return nil, err
	}
	return ItemsOf(h), nil
}
