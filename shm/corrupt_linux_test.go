//go:build !carom_sched

package shm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/carom-ipc/carom/futex"
)

// An arena in which somebody has written what does not belong there: whatever it is, the
// operations of a process that attaches it end, with an error or not, in a bounded time,
// and touch nothing outside.

const (
	hangsAfter = 20 * time.Second
	mostPages  = 512 * mib
)

// furnish makes an arena with objects and returns its memory, with nobody attached.
func furnish(t testing.TB) *os.File {
	a, err := Create(8 * mib)
	require.NoError(t, err)
	fd, err := unix.FcntlInt(a.File().Fd(), unix.F_DUPFD_CLOEXEC, 0)
	require.NoError(t, err)
	file := os.NewFile(uintptr(fd), "arena")
	ctx := context.Background()
	for i := range 3 {
		for _, s := range someSpecs(fmt.Sprint(i)) {
			o, _, err := a.Open(ctx, s)
			require.NoError(t, err)
			if s.Kind == Semaphore {
				_ = UnitsOf(o).Release(1)
			}
		}
		for _, s := range someQueues(fmt.Sprint(i)) {
			q, err := openQueue(a, ctx, s)
			require.NoError(t, err)
			for n := range 40 {
				require.NoError(t, q.Put(ctx, nil, make([]byte, n*n*10), false))
			}
			for range 10 {
				c, err := q.Get(ctx, false, func([]byte) {}, func([]byte) {})
				require.NoError(t, err)
				if q.Confirms() && c%3 == 0 {
					_ = q.Done(ctx, c)
				}
			}
		}
	}
	require.NoError(t, a.Close(context.Background()))
	return file
}

func someSpecs(suffix string) []Spec {
	return []Spec{
		{Name: "value" + suffix, Kind: Value, Type: "int64", Payload: CellPayload(8)},
		{Name: "big" + suffix, Kind: Value, Type: "[3]int64", Payload: CellPayload(24)},
		{Name: "array" + suffix, Kind: Array, Type: "int64", Param: 100, Payload: ArrayPayload(8, 100)},
		{Name: "lock" + suffix, Kind: Lock, Payload: LockPayload},
		{Name: "event" + suffix, Kind: Event, Payload: EventPayload},
		SemaphoreSpec(Semaphore, "plain"+suffix, 3, 0),
		SemaphoreSpec(Semaphore, "permits"+suffix, 3, SemaphorePermits),
		SemaphoreSpec(BoundedSemaphore, "bounded"+suffix, 3, SemaphorePermits|SemaphoreBounded),
		ConditionSpec("condition"+suffix, nil),
		BarrierSpec("barrier"+suffix, 2),
	}
}

func someQueues(suffix string) []Spec {
	return []Spec{QueueSpec(Queue, "queue"+suffix, "[]uint8", 0, false), QueueSpec(Queue, "sure"+suffix, "[]uint8", 100, true),
		QueueSpec(ByteQueue, "bytes"+suffix, "", 0, false)}
}

// regions are where things are written: where each begins and how much of it is in use.
var regions = []struct {
	name    string
	at, len uint64
}{
	{"header", 0, 4 * kib}, {"slots", slotsAt, 4 * slotSize}, {"records", recordsAt, 4 * recordLen},
	{"types", typesAt, 8 * typeSize}, {"buckets", bucketsAt, 4 * firstBuckets}, {"entry bits", entryBitsAt, 16},
	{"entries", entriesAt, 48 * entrySize}, {"chunks", chunksAt, 24 * chunkDesc}, {"attachments", attachAt + attachSize, 16},
	{"heap", heapAt, 24 * chunkSize},
}

// damage writes n odd words, at places that the seed tells.
func damage(t testing.TB, file *os.File, r *rand.Rand, region, n int) {
	place := regions[region%len(regions)]
	b, err := unix.Mmap(int(file.Fd()), int64(place.at), int(roundUp(place.len, page)), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	require.NoError(t, err)
	defer func() { _ = unix.Munmap(b) }()
	var used []int // words that say something
	for i := 0; i < int(place.len); i += 4 {
		if b[i]|b[i+1]|b[i+2]|b[i+3] != 0 {
			used = append(used, i)
		}
	}
	for range n {
		i := r.IntN(int(place.len)/4) * 4
		if len(used) > 0 && r.IntN(4) > 0 {
			i = used[r.IntN(len(used))]
		}
		w := uint32(b[i]) | uint32(b[i+1])<<8 | uint32(b[i+2])<<16 | uint32(b[i+3])<<24
		switch r.IntN(6) {
		case 0:
			w ^= 1 << r.IntN(32)
		case 1:
			w = r.Uint32()
		case 2:
			w = ^uint32(0)
		case 3:
			w += uint32(r.IntN(9)) - 4
		case 4:
			w = uint32(r.IntN(64))
		case 5:
			w = 0
		}
		b[i], b[i+1], b[i+2], b[i+3] = byte(w), byte(w>>8), byte(w>>16), byte(w>>24)
	}
}

// use attaches the arena and does everything with it.
func use(file *os.File) error {
	a, err := Attach(file)
	if err != nil {
		return nil
	}
	short := func(f func(ctx context.Context) error) {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
		defer cancel()
		_ = f(ctx)
	}
	short(func(ctx context.Context) error { _, err := a.Check(ctx, false); return err })
	short(func(ctx context.Context) error {
		return a.List(ctx, func(i Info) bool { _ = i.Kind.String(); return true })
	})
	_ = a.Processes()
	_ = a.Stats()
	for n := range 3 {
		for _, s := range append(someSpecs(fmt.Sprint(n)), someSpecs("new")...) {
			short(func(ctx context.Context) error { return useObject(ctx, a, s) })
		}
		for _, s := range append(someQueues(fmt.Sprint(n)), someQueues("new")...) {
			short(func(ctx context.Context) error { return useItems(ctx, a, s) })
		}
	}
	if g, err := a.Guest(); err == nil {
		for _, s := range someSpecs("0") {
			short(func(ctx context.Context) error { return useObject(ctx, g, s) })
		}
		for _, s := range someQueues("0") {
			short(func(ctx context.Context) error { return useItems(ctx, g, s) })
		}
		_ = g.Close(context.Background())
	}
	short(func(ctx context.Context) error { return a.Remove(ctx, "queue0") })
	short(func(ctx context.Context) error { return a.Remove(ctx, "sure1") })
	short(func(ctx context.Context) error { return a.Remove(ctx, "barrier1") })
	short(func(ctx context.Context) error { _, err := a.openLockAt(ctx, 3, 4); return err })
	short(func(ctx context.Context) error { _, err := a.Check(ctx, true); return err })
	_ = a.Close(context.Background())
	return nil
}

func useObject(ctx context.Context, a *Arena, s Spec) error {
	o, _, err := a.Open(ctx, s)
	if err != nil {
		return err
	}
	switch s.Kind {
	case Value:
		if s.Type == "int64" {
			AddAt[int64](ElementAt(&Elements[int64](o.Object, 1)[0]), 1)
		} else {
			_ = UpdateBig(ctx, o, func(v [3]int64) ([3]int64, bool) { return v, true })
			_ = LoadBig[[3]int64](o.Object)
		}
	case Array:
		clear(Elements[int64](o.Object, int(o.Param)))
	case Lock:
		if _, err := LockOf(o.Object).Lock(ctx, a.domain, futex.TakeOver); err == nil {
			_ = LockOf(o.Object).Unlock(a.domain)
		}
	case Event:
		EventOf(o.Object).Set(a.domain)
		_ = EventOf(o.Object).Wait(ctx, a.domain)
	case Semaphore, BoundedSemaphore:
		u := UnitsOf(o)
		for range 5 {
			_ = u.Acquire(ctx, false)
		}
		_ = u.Release(2)
		_ = u.Value()
	case Condition:
		w := WaitersOf(o)
		if x, err := w.Add(ctx); err == nil {
			_ = w.Notify(ctx, 1)
			if x.Wait(ctx) == nil {
				x.Leave()
			}
		}
	case Barrier:
		b := RendezvousOf(o)
		one, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		_, _ = b.Wait(one, nil)
		_ = b.Reset()
	}
	return o.Close(context.Background())
}

func useItems(ctx context.Context, a *Arena, s Spec) error {
	q, err := openQueue(a, ctx, s)
	if err != nil {
		return err
	}
	for n := range 30 {
		if q.Put(ctx, nil, make([]byte, n*500), false) != nil {
			break
		}
	}
	for range 60 {
		c, err := q.Get(ctx, false, func([]byte) {}, func([]byte) {})
		if err != nil {
			break
		}
		if q.Confirms() {
			_ = q.Done(ctx, c)
		}
	}
	if q.Len() > 0 {
		_, _, _ = q.GetMany(ctx, 3, func(int, []byte) {})
	}
	_ = q.Len()
	_ = q.Full()
	return q.u.Close(context.Background())
}

// abuse damages an arena and uses it. A panic, a fault or a hang is an error.
func abuse(t testing.TB, seed uint64, region, n int) error {
	file := furnish(t)
	defer file.Close()
	damage(t, file, rand.New(rand.NewPCG(seed, uint64(region))), region, n)
	got := make(chan error, 1)
	go func() {
		debug.SetPanicOnFault(true)
		defer func() {
			if p := recover(); p != nil {
				got <- fmt.Errorf("%v\n%s", p, debug.Stack())
			}
		}()
		got <- use(file)
	}()
	end := time.After(hangsAfter)
	for {
		what := "hangs"
		select {
		case err := <-got:
			return err
		case <-end:
		case <-time.After(5 * time.Millisecond):
			var st unix.Stat_t
			if _ = unix.Fstat(int(file.Fd()), &st); st.Blocks*512 < mostPages {
				continue
			}
			what = "fills the memory"
		}
		stacks := make([]byte, 1<<20)
		all := string(stacks[:runtime.Stack(stacks, true)])
		_ = unix.Fallocate(int(file.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, minSize)
		i := max(0, strings.Index(all, "shm.use("))
		return fmt.Errorf("%s\n%s", what, all[max(0, i-2500):i])
	}
}

// FuzzDamagedArena has words of an arena changed, in a region and as many as the fuzzer
// says. Without -fuzz, a few hundred kinds of damage.
func FuzzDamagedArena(f *testing.F) {
	for seed := range uint64(30 * len(regions)) {
		f.Add(seed, uint8(seed), uint8(seed/7))
	}
	f.Fuzz(func(t *testing.T, seed uint64, region, n uint8) {
		if err := abuse(t, seed, int(region), 1+int(n%8)); err != nil {
			t.Fatalf("%s: %v", regions[int(region)%len(regions)].name, err)
		}
	})
}
