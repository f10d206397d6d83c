package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/naming"
	"github.com/carom-ipc/carom/shm"
)

// Workloads are all there are. Together they reach every store of futex/ and shm/.
var Workloads = []Workload{
	{Name: "objects", Victim: objects},
	{Name: "directory", Victim: directory},
	{Name: "heap", Victim: heap},
	{Name: "locks", Victim: locks},
	{Name: "contended", Victim: contended, Beside: lockers},
	{Name: "starving", Victim: starving, Beside: slowLocker},
	{Name: "queues", Victim: queues},
	{Name: "pinned", Victim: pinned},
	{Name: "asleep", Victim: producers, Beside: consumers},
	{Name: "full", Victim: consumeSlowly, Beside: fill},
	{Name: "waiting", Victim: waitForAll, Beside: feed},
	{Name: "joins", Victim: joins, Beside: joiners},
	{Name: "closing", Victim: closing, Beside: consumers},
	{Name: "cells", Victim: cells, Beside: cellsToo},
	{Name: "crowd", Victim: crowd},
	{Name: "attach", Victim: attach},
	{Name: "attach-file", Env: [][2]string{{"CAROM_LIVENESS", "file"}}, Victim: attach},
	{Name: "guests", Victim: guests},
	{Name: "guests-file", Env: [][2]string{{"CAROM_LIVENESS", "file"}}, Victim: guests},
	{Name: "guest-left", Victim: guestLeft},
	{Name: "holding", Victim: holding},
	{Name: "closed", Victim: closed},
	{Name: "create", Victim: create},
	{Name: "units", Victim: units},
	{Name: "units-contended", Victim: units, Beside: unitsToo},
	{Name: "meeting", Victim: meeting, Beside: meetingToo},
	{Name: "notified", Victim: notified, Beside: notifiedToo},
	{Name: "meeting-alone", Victim: meetingAlone},
	{Name: "lanes", Victim: useLane},
	{Name: "repair", Victim: Repair},
}

// swap stores over a value what is there.
func swap[T any](value *shm.Handle) {
	var c shm.Cell[T]
	c.Bind(value.Object)
	bits := shm.BitsAt[T](c.Place())
	shm.SwapBitsAt(c.Place(), bits, shm.FromBits[T](bits))
}

// objects makes one of each, uses it, and leaves it behind for the next round or the
// survivors.
func objects(a *shm.Arena) error {
	var list []*shm.Handle
	for _, s := range []shm.Spec{valueSpec("word", 8), valueSpec("half", 2), valueSpec("big", 24), lockSpec("lock"),
		eventSpec("event"), arraySpec("array", 100), arraySpec("run", 20_000)} {
		o, err := open(a, s)
		if err != nil {
			return err
		}
		list = append(list, o)
	}
	if err := useBig(list[2]); err != nil {
		return err
	}
	event := shm.EventOf(list[4].Object)
	event.Set(a.Domain())
	event.Clear()
	if event.TrySet() {
		event.TryClear()
	}
	swap[uint64](list[0])
	swap[uint32](list[0])
	swap[uint16](list[1])
	for _, name := range []string{"word", "run"} {
		if err := remove(a, name); err != nil { // while it is attached
			return err
		}
	}
	if err := closeAll(list...); err != nil {
		return err
	}
	return remove(a, "array") // while it is not
}

// directory makes more objects than the directory has buckets at first.
func directory(a *shm.Arena) error {
	const n = 600
	var list []*shm.Handle
	for i := range n {
		o, err := open(a, valueSpec(fmt.Sprint("value ", i), 8))
		if err != nil {
			return err
		}
		list = append(list, o)
	}
	for i := range n {
		if err := remove(a, fmt.Sprint("value ", (i*7)%n)); err != nil {
			return err
		}
	}
	for i := range n {
		if err := list[(i*11)%n].Close(context.Background()); err != nil {
			return err
		}
	}
	// By name of the process that died: those of coordinators go with them.
	o, err := open(a, shm.Spec{Name: "dict", Kind: shm.Dict, Type: "string"})
	if err != nil {
		return err
	}
	if err := within(func(ctx context.Context) error { return a.Drop(ctx, "dict", o.Serial) }); err != nil {
		return err
	}
	return nil
}

// heap fills the arena to its budget with blocks of all sizes.
func heap(a *shm.Arena) error {
	var list []*shm.Handle
	err := error(nil)
	for i := 0; err == nil; i++ {
		var o *shm.Handle
		size := uint64(8 << (i % 15)) // up to a few chunks
		if o, err = open(a, arraySpec(fmt.Sprint("block ", i), size)); err == nil {
			list = append(list, o)
		}
	}
	if !errors.Is(err, errs.ErrNoMemory) {
		return err
	}
	if err := overfull(a); err != nil {
		return err
	}
	for i := range list {
		if err := remove(a, list[(i*5+3)%len(list)].Name); err != nil { // not all: others stay for later
			return err
		}
		if i%3 == 0 {
			if err := list[i].Close(context.Background()); err != nil {
				return err
			}
		}
	}
	for i, o := range list {
		if i%3 != 0 {
			if err := o.Close(context.Background()); err != nil {
				return err
			}
		}
	}
	for i := range list {
		if err := remove(a, fmt.Sprint("block ", i)); err != nil {
			return err
		}
	}
	return nil
}

// overfull asks for more than is left.
func overfull(a *shm.Arena) error {
	q, err := openQueue(a, bytes)
	if errors.Is(err, errs.ErrNoMemory) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, _, err := q.items.Reserve(context.Background(), Budget-1<<16); !errors.Is(err, errs.ErrNoMemory) {
		return fmt.Errorf("a block beyond the budget: %v", err)
	}
	return q.close()
}

func locks(a *shm.Arena) error {
	o, err := open(a, lockSpec("lock"))
	if err != nil {
		return err
	}
	if err := useLock(a, o); err != nil {
		return err
	}
	if shm.LockOf(o.Object).Unlock(a.Domain()) == nil {
		return errors.New("a free lock was unlocked")
	}
	return o.Close(context.Background())
}

// contended fights for a lock with goroutines of this process and of others.
func contended(a *shm.Arena) error {
	o, err := open(a, lockSpec("lock"))
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	problems := make(chan error, 3)
	for range 3 {
		all.Go(func() {
			for range 50 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(20+rand.IntN(300))*time.Microsecond)
				err := lock(ctx, a, o)
				if cancel(); err != nil { // gave up, maybe just as it was woken
					continue
				}
				if err := shm.LockOf(o.Object).Unlock(a.Domain()); err != nil && !errors.Is(err, errs.ErrNotLocked) {
					problems <- err
					return
				}
			}
		})
	}
	all.Wait()
	select {
	case err := <-problems:
		return err
	default:
		return o.Close(context.Background())
	}
}

// starving holds a lock for longer than a waiter bears, so that it is handed over, and
// waits for one that is held so long.
func starving(a *shm.Arena) error {
	o, err := open(a, lockSpec("lock"))
	if err != nil {
		return err
	}
	if err := within(func(ctx context.Context) error { return lock(ctx, a, o) }); err != nil {
		return err
	}
	time.Sleep(3 * time.Millisecond) // the work that takes so long
	if err := shm.LockOf(o.Object).Unlock(a.Domain()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if lock(ctx, a, o) == nil {
		_ = shm.LockOf(o.Object).Unlock(a.Domain())
	}
	return o.Close(context.Background())
}

// queues puts and takes items of all sizes, alone, over ends of segments.
func queues(a *shm.Arena) error {
	for i := range tallied {
		q, err := openQueue(a, i)
		if err != nil {
			return err
		}
		for _, n := range []int{1, 3, 40} {
			for k := range n {
				if i == capped && k == 3 {
					n = 3
					break
				}
				err := within(func(ctx context.Context) error {
					switch i {
					case bytes:
						return q.commit(ctx, 1000)
					case large:
						return q.put(ctx, 20_000)
					}
					return q.put(ctx, 4+k*200)
				})
				if err != nil {
					return err
				}
			}
			if n == 40 {
				if i == plain {
					err = q.many()
				} else if i == sure {
					err = q.shuffle()
				}
				if err != nil {
					return err
				}
			}
			for range n {
				if err := within(func(ctx context.Context) error { return q.get(ctx, true) }); err != nil {
					return err
				}
			}
		}
		if err := q.close(); err != nil {
			return err
		}
	}
	// Some rounds leave a queue with items behind.
	q, err := openQueue(a, large)
	if err != nil {
		return err
	}
	if err := within(func(ctx context.Context) error { return q.put(ctx, 10_000) }); err != nil {
		return err
	}
	if q.items.Len() > 20 {
		if err := q.drain(); err != nil {
			return err
		}
	}
	return q.close()
}

// many puts and takes a batch.
func (q queue) many() error {
	const n, size = 30, 4
	batch := make([]byte, n*size)
	for i := range n {
		batch[i*size] = size
	}
	q.tally.add(q.i, putBegun, n)
	if err := within(func(ctx context.Context) error { _, err := q.items.PutMany(ctx, batch, size); return err }); err != nil {
		return err
	}
	q.tally.add(q.i, putDone, n)
	q.tally.add(q.i, takeBegun, n)
	got := 0
	for got < n {
		err := within(func(ctx context.Context) error {
			_, more, err := q.items.GetMany(ctx, n-got, func(int, []byte) {})
			got += more
			return err
		})
		if err != nil {
			return err
		}
	}
	q.tally.add(q.i, takeDone, n)
	return nil
}

// shuffle takes items of a confirmed queue, gives one back, and confirms the others in
// another order.
func (q queue) shuffle() error {
	if err := within(func(ctx context.Context) error { return q.put(ctx, 20_000) }); err != nil { // a block of its own
		return err
	}
	n := q.items.Len()
	var claims []shm.Claim
	for range n {
		err := within(func(ctx context.Context) error {
			c, err := q.items.Get(ctx, true, ignore, ignore)
			claims = append(claims, c)
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, i := range []int{5, 2} {
		if err := within(func(ctx context.Context) error { return q.items.Return(ctx, claims[i]) }); err != nil {
			return err
		}
	}
	for i := n - 1; i >= 0; i-- {
		if i == 5 || i == 2 {
			continue
		}
		q.tally.add(q.i, takeBegun, 1)
		if err := within(func(ctx context.Context) error { return q.items.Done(ctx, claims[i]) }); err != nil {
			return err
		}
		q.tally.add(q.i, takeDone, 1)
	}
	for range n - 2 { // as the caller takes so many
		err := within(func(ctx context.Context) error { return q.put(ctx, 8) })
		if err != nil {
			return err
		}
	}
	return within(func(ctx context.Context) error { return q.get(ctx, true) })
}

// pinned confirms one item late: whole segments behind it come to their end before.
func pinned(a *shm.Arena) error {
	q, err := openQueue(a, sure)
	if err != nil {
		return err
	}
	for k := range 80 {
		size := 2000
		if k == 20 {
			size = 20_000 // a block of its own
		}
		if err := within(func(ctx context.Context) error { return q.put(ctx, size) }); err != nil {
			return err
		}
	}
	claims := make([]shm.Claim, q.items.Len())
	take := func(i int) error {
		return within(func(ctx context.Context) (err error) {
			claims[i], err = q.items.Get(ctx, true, ignore, ignore)
			return err
		})
	}
	for i := range claims {
		if err := take(i); err != nil {
			return err
		}
	}
	again := func(i int) error {
		if err := within(func(ctx context.Context) error { return q.items.Return(ctx, claims[i]) }); err != nil {
			return err
		}
		return take(i)
	}
	if err := again(len(claims) / 2); err != nil {
		return err
	}
	for i := range claims {
		if i = (i + 1) % len(claims); i == 0 { // the first is the last
			if err := again(i); err != nil {
				return err
			}
		}
		q.tally.add(q.i, takeBegun, 1)
		if err := within(func(ctx context.Context) error { return q.items.Done(ctx, claims[i]) }); err != nil {
			return err
		}
		q.tally.add(q.i, takeDone, 1)
	}
	return q.close()
}

// cells changes values that are not a word by themselves.
func cells(a *shm.Arena) error {
	var list []*shm.Handle
	for _, s := range []shm.Spec{valueSpec("big", 24), valueSpec("half", 2), valueSpec("quarter", 4), valueSpec("word", 8)} {
		o, err := open(a, s)
		if err != nil {
			return err
		}
		list = append(list, o)
	}
	for range 20 {
		if err := useBig(list[0]); err != nil {
			return err
		}
	}
	var half shm.Cell[int16]
	half.Bind(list[1].Object)
	shm.StoreAt(half.Place(), int16(3))
	shm.AddAt(half.Place(), int16(1))
	var quarter shm.Cell[int32]
	quarter.Bind(list[2].Object)
	shm.StoreAt(quarter.Place(), int32(3))
	shm.AddAt(quarter.Place(), int32(1))
	shm.SwapAt(quarter.Place(), int32(1))
	shm.SwapIfAt(quarter.Place(), int32(1), 2)
	var word shm.Cell[int64]
	word.Bind(list[3].Object)
	shm.StoreAt(word.Place(), 3)
	shm.AddAt(word.Place(), 1)
	shm.SwapAt(word.Place(), 1)
	shm.SwapIfAt(word.Place(), 1, 2)
	shm.AddAt(word.Place(), 0.5) // a float, in the same eight bytes
	shm.StoreAt(word.Place(), int64(0))
	if err := rawCells(a, list[0], list[1], list[3]); err != nil {
		return err
	}
	return closeAll(list...)
}

// rawCells changes values and arrays by those who know sizes alone.
func rawCells(a *shm.Arena, big, half, word *shm.Handle) error {
	threes, err := open(a, shm.Spec{Name: "threes", Kind: shm.Array, Type: "[3]uint8", Param: 9, Payload: shm.ArrayPayload(3, 9)})
	if err != nil {
		return err
	}
	words, err := open(a, arraySpec("words", 3))
	if err != nil {
		return err
	}
	again := func(cur []byte) []byte { return append([]byte(nil), cur...) }
	err = within(func(ctx context.Context) error {
		return errors.Join(shm.RawValue(big, 24).Change(ctx, 0, again), shm.RawValue(half, 2).Change(ctx, 0, again),
			shm.RawValue(word, 8).Change(ctx, 0, again), shm.RawArray(threes, 3).Change(ctx, 4, again))
	})
	shm.RawArray(threes, 3).Write(1, make([]byte, 6))
	shm.RawArray(words, 8).Write(1, make([]byte, 16))
	return errors.Join(err, closeAll(threes, words))
}

// crowd has more goroutines waiting than threads may sleep for them.
func crowd(a *shm.Arena) error {
	const n = futex.MaxDirect + 20
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	var list []*shm.Handle
	var all sync.WaitGroup
	problems := make(chan error, n)
	for i := range n {
		o, err := open(a, eventSpec(fmt.Sprint("event ", i)))
		if err != nil {
			return err
		}
		list = append(list, o)
		shm.EventOf(o.Object).Clear()
		all.Go(func() {
			if err := shm.EventOf(o.Object).Wait(ctx, a.Domain()); err != nil {
				problems <- err
			}
		})
	}
	for slept, _ := a.Domain().Stats(); slept < n && ctx.Err() == nil; slept, _ = a.Domain().Stats() {
		time.Sleep(50 * time.Microsecond)
	}
	for _, o := range list {
		shm.EventOf(o.Object).Set(a.Domain())
	}
	all.Wait()
	select {
	case err := <-problems:
		return fmt.Errorf("an event was set, and %w", err)
	default:
		return closeAll(list...)
	}
}

// attach has a second attachment come and go.
func attach(a *shm.Arena) error {
	b, err := shm.Attach(a.File())
	if err != nil {
		return err
	}
	b.SetRole(shm.RoleWorker)
	if err := locks(b); err != nil {
		return err
	}
	if err := foreign(a, b); err != nil {
		return err
	}
	o, err := open(b, lockSpec("held"))
	if err != nil {
		return err
	}
	if err := within(func(ctx context.Context) error { return lock(ctx, b, o) }); err != nil {
		return err
	}
	q, err := openQueue(b, plain)
	if err != nil {
		return err
	}
	if _, _, err := q.items.Reserve(context.Background(), 10_000); err != nil { // in flight
		return err
	}
	if _, err := open(b, shm.Spec{Name: naming.Random("dict"), Kind: shm.Dict, Type: "string"}); err != nil {
		return err
	}
	return b.Close(context.Background())
}

// foreign unlocks what another process has locked.
func foreign(a, b *shm.Arena) error {
	o, err := open(b, lockSpec("foreign"))
	if err != nil {
		return err
	}
	if err := within(func(ctx context.Context) error { return lock(ctx, b, o) }); err != nil {
		return err
	}
	p, err := open(a, lockSpec("foreign"))
	if err != nil {
		return err
	}
	if err := shm.LockOf(p.Object).Unlock(a.Domain()); err != nil {
		return err
	}
	return closeAll(o, p)
}

// create makes an arena of its own.
func create(*shm.Arena) error {
	a, err := shm.Create(Budget)
	if err != nil {
		return err
	}
	return a.Close(context.Background())
}

// holding takes every kind of thing and never gives it back: what dies with it comes
// back by the sweep. Then it leaves in good order.
func holding(a *shm.Arena) error {
	b, err := shm.Attach(a.File())
	if err != nil {
		return err
	}
	q, err := openQueue(b, sure)
	if err != nil {
		return err
	}
	err = within(func(ctx context.Context) error {
		for range 3 {
			if err := q.put(ctx, 50); err != nil {
				return err
			}
		}
		for range 2 {
			if _, err := q.items.Get(ctx, true, ignore, ignore); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	o, err := open(b, lockSpec("held"))
	if err != nil {
		return err
	}
	if err := within(func(ctx context.Context) error { return lock(ctx, b, o) }); err != nil {
		return err
	}
	// Somebody waits for what the dead holds: the word says so.
	p, err := open(a, lockSpec("held"))
	if err != nil {
		return err
	}
	waited := make(chan error, 1)
	go func() { waited <- within(func(ctx context.Context) error { return lock(ctx, a, p) }) }()
	for slept, _ := a.Domain().Stats(); slept == 0; slept, _ = a.Domain().Stats() {
		time.Sleep(20 * time.Microsecond)
	}
	if err := b.Close(context.Background()); err != nil {
		return err
	}
	if err := <-waited; err != nil {
		return err
	}
	if err := shm.LockOf(p.Object).Unlock(a.Domain()); err != nil {
		return err
	}
	if err := p.Close(context.Background()); err != nil {
		return err
	}
	if q, err = openQueue(a, sure); err != nil {
		return err
	}
	if q.items.Len() > 50 {
		if err := q.drain(); err != nil {
			return err
		}
	}
	return q.close()
}

func ignore([]byte) {}

// closed says that the manager is shut down.
func closed(a *shm.Arena) error {
	a.MarkClosed()
	return nil
}
