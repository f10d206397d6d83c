//go:build !carom_sched

package shm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/errs"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

func newGuest(t testing.TB, a *Arena) *Arena {
	g, err := a.Guest()
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.Close(context.Background()) })
	return g
}

func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(50 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain: " + what)
		}
	}
}

// each runs f where the kernel keeps liveness words, and where it does not.
func eachLiveness(t *testing.T, f func(t *testing.T)) {
	t.Run("robust", f)
	t.Run("file", func(t *testing.T) {
		t.Setenv("CAROM_LIVENESS", "file")
		f(t)
	})
}

func lockSpec(name string) Spec { return Spec{Name: name, Kind: Lock, Payload: LockPayload} }

func opened(t testing.TB, a *Arena, s Spec) *Handle {
	t.Helper()
	o, _, err := a.Open(t.Context(), s)
	require.NoError(t, err)
	return o
}

func TestGuestIsAProcess(t *testing.T) {
	eachLiveness(t, func(t *testing.T) {
		a := newArena(t, 8*mib)
		b := attachAgain(t, a)
		g, g2 := newGuest(t, a), newGuest(t, a)
		again, err := g.Guest()
		require.NoError(t, err)
		require.Equal(t, a, again.host)
		require.NoError(t, again.Close(context.Background()))
		require.Equal(t, 4, a.Stats().Processes)
		g.SetLabel("somebody at 10.0.0.7:4711")
		for _, p := range b.Processes() {
			if p.ID == g.self {
				require.Equal(t, ProcessInfo{ID: g.self, Host: a.self, PID: os.Getpid(), Role: RoleRemote,
					Label: "somebody at 10.0.0.7:4711", Robust: p.Robust, Attached: p.Attached}, p)
			}
		}
		for _, who := range []*Arena{a, b, g, g2} {
			require.True(t, who.Alive(g.self))
			require.True(t, who.Alive(a.self))
			sound(t, who, true)
		}
		// Nobody is the other: a lock that one holds is locked for the next.
		for _, who := range []*Arena{a, b, g, g2} {
			m := LockOf(opened(t, who, lockSpec("lock")).Object)
			_, err := m.TryLock(who.Domain(), futex.Report)
			require.NoError(t, err)
			id, _ := m.Holder()
			require.Equal(t, who.self, id)
			for _, other := range []*Arena{a, b, g, g2} {
				_, err := m.TryLock(other.Domain(), futex.Report)
				require.ErrorIs(t, err, errs.ErrLocked)
			}
			require.NoError(t, m.Unlock(who.Domain()))
		}
		require.Equal(t, 1, g.attachments(g.self.Slot(), nil))
		require.NoError(t, g.Close(context.Background()))
		require.ErrorIs(t, g.Close(context.Background()), errs.ErrClosed)
		require.Zero(t, a.attachments(g.self.Slot(), nil))
		require.False(t, b.Alive(g.self))
		require.Equal(t, 3, a.Stats().Processes)
		sound(t, b, true)
		require.NoError(t, a.Close(context.Background())) // with a guest in it
		require.ErrorIs(t, g2.Close(context.Background()), errs.ErrClosed)
		_, err = a.Guest()
		require.ErrorIs(t, err, errs.ErrClosed)
		require.Equal(t, 1, b.Stats().Processes)
		sound(t, b, true)
	})
}

// Guests of two processes and the processes themselves use one lock, with many goroutines
// each.
func TestGuestsShareALock(t *testing.T) {
	eachLiveness(t, func(t *testing.T) {
		a := newArena(t, 8*mib)
		b := attachAgain(t, a)
		users := []*Arena{a, b}
		for range 5 {
			users = append(users, newGuest(t, a), newGuest(t, b))
		}
		var all sync.WaitGroup
		const each = 300
		n := &Elements[int64](opened(t, a, Spec{Name: "n", Kind: Array, Type: "int64", Param: 1, Payload: ArrayPayload(8, 1)}).Object, 1)[0]
		for _, u := range users {
			o := opened(t, u, lockSpec("lock"))
			for range 3 {
				all.Go(func() {
					for range each {
						if _, err := LockOf(o.Object).Lock(context.Background(), u.domain, futex.Report); err != nil {
							t.Error(err)
							return
						}
						*n++
						if err := LockOf(o.Object).Unlock(u.domain); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		all.Wait()
		require.EqualValues(t, each*3*len(users), *n)
		sound(t, a, true)
	})
}

// What a guest held when it was closed is as if it had died, and its waits end.
func TestGuestLeaves(t *testing.T) {
	eachLiveness(t, func(t *testing.T) {
		a := newArena(t, 8*mib)
		b := attachAgain(t, a)
		g := newGuest(t, a)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()

		lock := LockOf(opened(t, b, lockSpec("lock")).Object)
		_, err := LockOf(opened(t, g, lockSpec("lock")).Object).Lock(ctx, g.domain, futex.Report)
		require.NoError(t, err)
		detached := opened(t, g, lockSpec("detached"))
		_, err = LockOf(detached.Object).Lock(ctx, g.domain, futex.Report)
		require.NoError(t, err)
		require.NoError(t, detached.Close(context.Background()))
		lockDetached := LockOf(opened(t, b, lockSpec("detached")).Object)

		permits := SemaphoreSpec(BoundedSemaphore, "permits", 2, SemaphorePermits|SemaphoreBounded)
		units := UnitsOf(opened(t, g, permits))
		require.NoError(t, units.Acquire(ctx, true))
		require.NoError(t, units.Acquire(ctx, true))
		pool := UnitsOf(opened(t, b, permits))
		require.Zero(t, pool.Value())

		sure := QueueSpec(Queue, "sure", "[]uint8", 0, true)
		q, err := openQueue(b, ctx, sure)
		require.NoError(t, err)
		for i := range 3 {
			require.NoError(t, q.Put(ctx, nil, []byte{byte(i)}, false))
		}
		mine, err := openQueue(g, ctx, sure)
		require.NoError(t, err)
		for range 2 {
			_, err = mine.Get(ctx, false, func([]byte) {}, nil)
			require.NoError(t, err)
		}
		_, _, err = mine.Reserve(ctx, 100_000)
		require.NoError(t, err)
		require.EqualValues(t, 1, q.Len())

		condition := ConditionSpec("condition", nil)
		list := WaitersOf(opened(t, b, condition))
		waiter, err := WaitersOf(opened(t, g, condition)).Add(ctx)
		require.NoError(t, err)
		next, err := list.Add(ctx)
		require.NoError(t, err)
		barrier := BarrierSpec("barrier", 3)
		meeting := RendezvousOf(opened(t, b, barrier))
		theirs := RendezvousOf(opened(t, g, barrier))

		ended := make(chan error, 3)
		go func() { ended <- waiter.Wait(context.Background()) }()
		go func() { _, err := theirs.Wait(context.Background(), nil); ended <- err }()
		taken := LockOf(opened(t, g, lockSpec("taken")).Object)
		_, err = taken.Lock(ctx, a.domain, futex.Report)
		require.NoError(t, err)
		go func() { _, err := taken.Lock(context.Background(), g.domain, futex.Report); ended <- err }()
		others := make(chan error, 3)
		for _, m := range []*futex.Mutex{lock, lockDetached} {
			go func() { _, err := m.Lock(ctx, b.domain, futex.Report); others <- err }()
		}
		go func() { _, err := meeting.Wait(ctx, nil); others <- err }()
		eventually(t, "two wait at the barrier", func() bool { return meeting.Waiting() == 2 })
		require.NoError(t, list.Notify(ctx, 1)) // the guest's

		require.NoError(t, <-ended)
		require.NoError(t, g.Close(context.Background()))
		for range 2 {
			require.ErrorIs(t, <-ended, errs.ErrClosed)
		}
		got := map[string]int{}
		for range 3 {
			got[fmt.Sprint(<-others)]++
		}
		require.Equal(t, map[string]int{errs.ErrOwnerDied.Error(): 2, errs.ErrBroken.Error(): 1}, got)
		require.NoError(t, next.Wait(ctx), "the notification is the next one's")
		next.Leave()
		require.Equal(t, 2, pool.Value())
		require.EqualValues(t, 3, q.Len())
		for i := range 3 {
			_, err = q.Get(ctx, false, func(b []byte) { require.Equal(t, []byte{byte(i)}, b) }, nil)
			require.NoError(t, err)
		}
		sound(t, b, false)
		require.Zero(t, b.attachments(g.self.Slot(), nil))
	})
}

// crowd is what a host does whose guests hold one thing each and wait.
func init() {
	helpers["host"] = func(a *Arena) {
		ctx := context.Background()
		var all sync.WaitGroup
		for i := range 20 {
			g, err := a.Guest()
			if err != nil {
				panic(err)
			}
			open := func(s Spec) *Handle {
				o, _, err := g.Open(ctx, s)
				if err != nil {
					panic(err)
				}
				return o
			}
			if _, err := LockOf(open(lockSpec(fmt.Sprint("lock", i))).Object).Lock(ctx, g.domain, futex.Report); err != nil {
				panic(err)
			}
			if err := UnitsOf(open(SemaphoreSpec(BoundedSemaphore, "permits", 20, SemaphorePermits|SemaphoreBounded))).Acquire(ctx, true); err != nil {
				panic(err)
			}
			q, err := openQueue(g, ctx, QueueSpec(Queue, "sure", "[]uint8", 0, true))
			if err != nil {
				panic(err)
			}
			if _, err := q.Get(ctx, false, func([]byte) {}, nil); err != nil {
				panic(err)
			}
			if _, _, err := q.Reserve(ctx, 5000); err != nil {
				panic(err)
			}
			all.Go(func() { _, _ = LockOf(open(lockSpec("lock0")).Object).Lock(ctx, g.domain, futex.Report) })
			all.Go(func() { _, _ = RendezvousOf(open(BarrierSpec("barrier", 100))).Wait(ctx, nil) })
		}
		ready()
	}
}

// A host is killed: its guests are dead with it, and what they held comes back.
func TestHostDies(t *testing.T) {
	eachLiveness(t, func(t *testing.T) {
		a := newArena(t, 16*mib)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		const guests = 20
		var locks []*futex.Mutex
		for i := range guests {
			locks = append(locks, LockOf(opened(t, a, lockSpec(fmt.Sprint("lock", i))).Object))
		}
		permits := UnitsOf(opened(t, a, SemaphoreSpec(BoundedSemaphore, "permits", guests, SemaphorePermits|SemaphoreBounded)))
		q, err := openQueue(a, ctx, QueueSpec(Queue, "sure", "[]uint8", 0, true))
		require.NoError(t, err)
		for i := range guests {
			require.NoError(t, q.Put(ctx, nil, []byte{byte(i)}, false))
		}
		barrier := RendezvousOf(opened(t, a, BarrierSpec("barrier", 100)))
		host, _ := start(t, a, "host")
		require.Equal(t, 2+guests, a.Stats().Processes)
		require.Len(t, a.Processes(), 2+guests)
		require.Zero(t, permits.Value())
		require.Zero(t, q.Len())
		eventually(t, "all wait", func() bool { return barrier.Waiting() == guests })
		sound(t, a, false)
		mine := newGuest(t, a) // of the one who stays
		got := make(chan error, guests+1)
		for _, m := range locks {
			go func() { _, err := m.Lock(ctx, mine.domain, futex.Report); got <- err }()
		}
		go func() { _, err := barrier.Wait(ctx, nil); got <- err }()
		require.NoError(t, host.Process.Kill())
		begin := time.Now()
		died := 0
		for range guests + 1 {
			if err := <-got; err != nil {
				died++
				require.True(t, errors.Is(err, errs.ErrOwnerDied) || errors.Is(err, errs.ErrBroken), err)
			}
		}
		t.Logf("all know after %v", time.Since(begin))
		require.Equal(t, guests+1, died)
		for range guests {
			require.NoError(t, permits.Acquire(ctx, true))
			_, err := q.Get(ctx, true, func([]byte) {}, nil)
			require.NoError(t, err)
		}
		eventually(t, "the slots are free", func() bool { return a.Stats().Processes == 2 })
		t.Logf("all swept after %v", time.Since(begin))
		require.Equal(t, guests+1, a.Stats().Recoveries)
		sound(t, a, false)
		require.True(t, mine.Alive(mine.self))
	})
}

func init() {
	helpers["crowd"] = func(a *Arena) {
		for range mostKept + 500 {
			g, err := a.Guest()
			if err != nil {
				panic(err)
			}
			if _, _, err := g.Open(context.Background(), lockSpec("lock")); err != nil {
				panic(err)
			}
		}
		ready()
	}
}

// A host has more guests than the kernel looks after.
func TestCrowdOfGuestsDies(t *testing.T) {
	a := newArena(t, 16*mib)
	host, _ := start(t, a, "crowd")
	require.Equal(t, 2+mostKept+500, a.Stats().Processes)
	require.NoError(t, host.Process.Kill())
	begin := time.Now()
	eventually(t, "the slots are free", func() bool { return a.Stats().Processes == 1 })
	t.Logf("swept after %v", time.Since(begin))
	sound(t, a, true)
	for range 3 { // the slots are good for others
		g := newGuest(t, a)
		require.NoError(t, g.Close(context.Background()))
	}
}

func threads(t testing.TB) int {
	tasks, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	return len(tasks)
}

// A thousand guests, each of which waits for something, cost few threads, and leave
// nothing.
func TestManyGuestsWait(t *testing.T) {
	a := newArena(t, 16*mib)
	lock := LockOf(opened(t, a, lockSpec("lock")).Object)
	_, err := lock.Lock(t.Context(), a.domain, futex.Report)
	require.NoError(t, err)
	const n = 1000
	before := a.Stats()
	for range 2 {
		var guests []*Arena
		got := make(chan error, n)
		for i := range n {
			g := newGuest(t, a)
			guests = append(guests, g)
			switch i % 4 {
			case 0:
				m := LockOf(opened(t, g, lockSpec("lock")).Object)
				go func() { _, err := m.Lock(context.Background(), g.domain, futex.Report); got <- err }()
			case 1:
				e := EventOf(opened(t, g, Spec{Name: "event", Kind: Event, Payload: EventPayload}).Object)
				go func() { got <- e.Wait(context.Background(), g.domain) }()
			case 2:
				u := UnitsOf(opened(t, g, SemaphoreSpec(Semaphore, "units", 0, 0)))
				go func() { got <- u.Acquire(context.Background(), true) }()
			case 3:
				q, err := openQueue(g, t.Context(), QueueSpec(Queue, "q", "[]uint8", 0, true))
				require.NoError(t, err)
				go func() { _, err := q.Get(context.Background(), true, func([]byte) {}, nil); got <- err }()
			}
		}
		stacks := make([]byte, 4<<20)
		eventually(t, "all wait", func() bool {
			all := string(stacks[:runtime.Stack(stacks, true)])
			return strings.Count(all, "(*gates).enter(")+strings.Count(all, "(*sleeper).sleep(") > n // the watcher sleeps, too
		})
		require.Less(t, threads(t), 100)
		for _, g := range guests {
			require.NoError(t, g.Close(context.Background()))
		}
		for range n {
			require.ErrorIs(t, <-got, errs.ErrClosed)
		}
		require.Equal(t, 1, a.Stats().Processes)
		require.NoError(t, lock.Unlock(a.domain))
		_, err := lock.Lock(t.Context(), a.domain, futex.Report)
		require.NoError(t, err)
	}
	require.Empty(t, a.guests.by)
	require.Zero(t, a.life.list.guests)
	require.Equal(t, before.Objects, a.Stats().Objects-3)
	sound(t, a, false)
}

// Of several guests that wait for items of a closed queue, the one that has the last in
// hand is told that it is at its end, whoever asked first.
func TestGuestsAtTheEndOfAQueue(t *testing.T) {
	a := newArena(t, 8*mib)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	spec := QueueSpec(Queue, "sure", "[]uint8", 0, true)
	q, err := openQueue(a, ctx, spec)
	require.NoError(t, err)
	require.NoError(t, q.Put(ctx, nil, []byte{1}, false))
	get := func(q *Items) (Claim, error) { return q.Get(ctx, true, func([]byte) {}, nil) }
	holder, err := openQueue(newGuest(t, a), ctx, spec)
	require.NoError(t, err)
	claim, err := get(holder)
	require.NoError(t, err)
	other, err := openQueue(newGuest(t, a), ctx, spec)
	require.NoError(t, err)
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := get(other); first <- err }()
	eventually(t, "the first sleeps", func() bool { return q.h.notEmpty.Sleepers() })
	go func() { _, err := get(holder); second <- err }()
	stacks := make([]byte, 1<<20)
	eventually(t, "the second waits", func() bool {
		return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "(*gates).enter(")
	})
	require.NoError(t, q.CloseWrite(ctx))
	require.ErrorIs(t, <-second, io.EOF)
	require.Empty(t, first)
	require.NoError(t, holder.Done(ctx, claim))
	require.ErrorIs(t, <-first, io.EOF)
}
