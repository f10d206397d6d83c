package tests

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/carom-ipc/carom"
)

// stormRows are the kinds that the storm examines.
var stormRows []stormRow

func init() { // newExam refers to them
	add := func(kind string, set func(x *exam)) { stormRows = append(stormRows, stormRow{kind, set}) }
	add("Value[int64]", addExam)
	add("Value[int64] updated", updateExam[int64])
	add("Value[struct] updated", updateExam[wideValue])
	add("Value[struct] swapped", swapExam)
	add("Array", arrayExam)
	add("Lock", func(x *exam) {
		lockExam(x, func(m *carom.Manager) (*carom.Lock, closer) { return carom.Must(carom.NewLock(m, x.name)), nil })
	})
	add("Array's lock", func(x *exam) {
		lockExam(x, func(m *carom.Manager) (*carom.Lock, closer) {
			a := carom.Must(carom.NewArray[int64](m, x.name, 2))
			return a.Lock(), a
		})
	})
	add("RLock", rlockExam)
	add("Queue", func(x *exam) { queueExam(x, 8, false) })
	add("Queue with Cap", func(x *exam) { queueExam(x, 30, false, carom.Cap(4)) })
	add("Queue of large items", func(x *exam) { queueExam(x, 12_000, false, carom.Cap(16)) })
	add("Queue with AtLeastOnce", func(x *exam) { queueExam(x, 8, true, carom.AtLeastOnce(), carom.Cap(32)) })
	add("Queue of large items with AtLeastOnce", func(x *exam) { queueExam(x, 12_000, true, carom.AtLeastOnce(), carom.Cap(8)) })
	add("ByteQueue", byteQueueExam)
	add("Semaphore", func(x *exam) {
		semaphoreExam(x, func(m *carom.Manager) *carom.Semaphore { return carom.Must(carom.NewSemaphore(m, x.name, 6)) }, false)
	})
	add("Semaphore with Permits", func(x *exam) {
		semaphoreExam(x, func(m *carom.Manager) *carom.Semaphore {
			return carom.Must(carom.NewSemaphore(m, x.name, 3, carom.Permits()))
		}, true)
	})
	add("BoundedSemaphore", func(x *exam) {
		semaphoreExam(x, func(m *carom.Manager) *carom.Semaphore {
			return &carom.Must(carom.NewBoundedSemaphore(m, x.name, 2)).Semaphore
		}, true)
	})
	add("Condition", conditionExam)
	add("Event", eventExam)
	add("Barrier", barrierExam)
	add("Dict", dictExam)
	add("List", listExam)
	add("Namespace", namespaceExam)
	add("Ref", refExam)
}

type calls = []func(context.Context) error

func addExam(x *exam) {
	open := func(m *carom.Manager) *carom.Value[int64] { return carom.Must(carom.NewValue[int64](m, x.name)) }
	keeper := keeperOf(x, open)
	x.open = func(m *carom.Manager) (closer, calls) {
		v := open(m)
		f := func(context.Context) error {
			return x.try(0, 1, func() error {
				if carom.Add(v, 1) > 0 { // it begins as 0
					return nil
				}
				return v.Err()
			})
		}
		return v, calls{f, f}
	}
	x.polite = true
	x.check = func() error { return x.holds(0, keeper(x.base).Load()) }
}

func updateExam[T int64 | wideValue](x *exam) {
	open := func(m *carom.Manager) *carom.Value[T] { return carom.Must(carom.NewValue[T](m, x.name)) }
	keeper := keeperOf(x, open)
	x.open = func(m *carom.Manager) (closer, calls) {
		v := open(m)
		f := func(ctx context.Context) error {
			return x.try(0, 1, func() error {
				return v.Update(ctx, func(t *T) error { addOne(t); return nil })
			})
		}
		return v, calls{f, f}
	}
	x.check = func() error { return x.holds(0, firstWord(keeper(x.base).Load())) }
}

// swapExam is for a value that is changed without its lock.
func swapExam(x *exam) {
	open := func(m *carom.Manager) *carom.Value[wideValue] {
		return carom.Must(carom.NewValue[wideValue](m, x.name))
	}
	keeper := keeperOf(x, open)
	errLost := errors.New("another was first")
	x.open = func(m *carom.Manager) (closer, calls) {
		v := open(m)
		f := func(context.Context) error {
			old := v.Load()
			if err := v.Err(); err != nil {
				return err
			}
			if firstWord(old) < 0 {
				return errors.New("a torn value")
			}
			next := old
			addOne(&next)
			err := x.try(0, 1, func() error {
				if carom.CompareAndSwap(v, old, next) {
					return nil
				}
				return errors.Join(v.Err(), errLost)
			})
			if err == nil || errors.Is(err, carom.ErrClosed) {
				return err
			}
			return nil
		}
		return v, calls{f, f}
	}
	x.polite = true
	x.check = func() error { return x.holds(0, firstWord(keeper(x.base).Load())) }
}

func arrayExam(x *exam) {
	open := func(m *carom.Manager) *carom.Array[int64] { return carom.Must(carom.NewArray[int64](m, x.name, 20)) }
	keeper := keeperOf(x, open)
	x.open = func(m *carom.Manager) (closer, calls) {
		a := open(m)
		do := func(ctx context.Context) error {
			short := false
			f := func(s []int64) error {
				if short = len(s) != 20; !short {
					s[0]++
				}
				return nil
			}
			err := x.try(0, 1, func() error { return a.Do(ctx, f) })
			if errors.Is(err, carom.ErrOwnerDied) {
				lock := a.Lock()
				err = lock.Recover(ctx)
				if err == nil {
					err = lock.Unlock()
				}
				_ = lock.Close()
			}
			if short {
				return errors.New("f was called with another slice than the array's")
			}
			return err
		}
		add := func(context.Context) error {
			return x.try(1, 1, func() error {
				if carom.AddAt(a, 19, 1) > 0 {
					return nil
				}
				return a.Err()
			})
		}
		return a, calls{do, add}
	}
	x.check = func() error {
		a := keeper(x.base)
		return errors.Join(x.holds(0, a.Load(0)), x.holds(1, a.Load(19)))
	}
}

func lockExam(x *exam, open func(m *carom.Manager) (*carom.Lock, closer)) {
	keeper := keeperOf(x, func(m *carom.Manager) *carom.Lock {
		l, whole := open(m)
		if whole != nil {
			x.keep = append(x.keep, whole)
		}
		return l
	})
	recovered := func(ctx context.Context, l *carom.Lock, err error) (repair bool, _ error) {
		if errors.Is(err, carom.ErrOwnerDied) {
			return true, l.Recover(ctx)
		}
		return false, err
	}
	x.open = func(m *carom.Manager) (closer, calls) {
		l, whole := open(m)
		unlock := func() error {
			err := l.Unlock()
			if errors.Is(err, carom.ErrClosed) { // so it is held, and another handle can unlock it
				if kerr := keeper(m).Unlock(); kerr != nil {
					return fmt.Errorf("a lock of a closed handle is not held: %w", kerr)
				}
			}
			return err
		}
		acquire := func(lock func(context.Context) error) func(context.Context) error {
			return func(ctx context.Context) error {
				repair, err := recovered(ctx, l, lock(ctx))
				if errors.Is(err, carom.ErrLocked) {
					runtime.Gosched()
					return nil
				}
				if err != nil {
					return err
				}
				if err := x.section(repair); err != nil {
					return err
				}
				return unlock()
			}
		}
		do := func(ctx context.Context) error {
			ran := false
			err := l.Do(ctx, func() error { ran = true; return x.section(false) })
			if ran && errors.Is(err, carom.ErrClosed) {
				return errors.New("Do ran its function and answered ErrClosed") //nolint:revive // a method's name
			}
			repair, err := recovered(ctx, l, err)
			if err == nil && repair {
				err = errors.Join(x.section(true), unlock())
			}
			return err
		}
		return both{l, whole}, calls{acquire(l.Lock), do, acquire(func(context.Context) error { return l.TryLock() })}
	}
	x.check = func() error { return freed(x, keeper(x.base)) }
}

// both closes two handles.
type both struct{ first, second closer }

func (b both) Close() error {
	err := b.first.Close()
	if b.second != nil {
		err = errors.Join(err, b.second.Close())
	}
	return err
}

// freed says that a lock is neither free nor left by the worker that was killed.
func freed(x *exam, l *carom.Lock) error {
	err := l.TryLock()
	if errors.Is(err, carom.ErrOwnerDied) {
		ctx, cancel := context.WithTimeout(context.Background(), promptly)
		defer cancel()
		err = errors.Join(l.Recover(ctx), x.section(true))
	}
	if err != nil {
		return fmt.Errorf("the lock is not free: %w", err)
	}
	return l.Unlock()
}

func rlockExam(x *exam) {
	open := func(m *carom.Manager) *carom.RLock { return carom.Must(carom.NewRLock(m, x.name)) }
	keeper := keeperOf(x, open)
	x.open = func(m *carom.Manager) (closer, calls) {
		l := open(m)
		f := func(ctx context.Context) error {
			repair := false
			held, err := l.Lock(ctx)
			if errors.Is(err, carom.ErrOwnerDied) {
				repair = true
				held, err = l.Recover(ctx)
			}
			if err != nil {
				return err
			}
			if err := x.section(repair); err != nil {
				return err
			}
			inner, err := l.Lock(held)
			if err == nil {
				err = l.Unlock(inner)
				if errors.Is(err, carom.ErrClosed) {
					err = errors.Join(err, ifNot(keeper(m).Unlock(inner), "a re-entrant lock of a closed handle is not held twice"))
				}
			}
			if uerr := l.Unlock(held); uerr != nil {
				err = uerr
				if errors.Is(uerr, carom.ErrClosed) {
					err = errors.Join(err, ifNot(keeper(m).Unlock(held), "a re-entrant lock of a closed handle is not held"))
				}
			}
			return err
		}
		return l, calls{f, f}
	}
	x.check = func() error {
		l := keeper(x.base)
		ctx, cancel := context.WithTimeout(context.Background(), promptly)
		defer cancel()
		held, err := l.TryLock(ctx)
		if errors.Is(err, carom.ErrOwnerDied) {
			if held, err = l.Recover(ctx); err == nil {
				err = x.section(true)
			}
		}
		if err != nil {
			return fmt.Errorf("the lock is not free: %w", err)
		}
		return l.Unlock(held)
	}
}

// ifNot panics, which ends the test: such an error must not pass for another that is joined to it.
func ifNot(err error, what string) error {
	if err != nil {
		panic(fmt.Sprintf("%s: %v", what, err))
	}
	return nil
}

const (
	putting = iota
	getting
)

// queueExam has items that bear their number.
func queueExam(x *exam, size int, sure bool, opts ...carom.Option) {
	open := func(m *carom.Manager) *carom.Queue[[]byte] {
		return carom.Must(carom.NewQueue[[]byte](m, x.name, opts...))
	}
	keeper := keeperOf(x, open)
	item := func(id uint32) []byte {
		b := make([]byte, size)
		binary.LittleEndian.PutUint32(b, id)
		b[size-1] ^= 0x55
		return b
	}
	number := func(b []byte) (uint32, error) {
		if len(b) != size {
			return 0, fmt.Errorf("an item of %d bytes", len(b))
		}
		b[size-1] ^= 0x55
		return binary.LittleEndian.Uint32(b), nil
	}
	// take takes an item and confirms it.
	take := func(q *carom.Queue[[]byte], get func() ([]byte, error)) error {
		return x.try(getting, 1, func() error {
			b, err := get()
			if err != nil {
				return err
			}
			id, err := number(b)
			if err == nil && sure {
				err = q.TaskDone() // of what it cannot confirm, another gets it
			}
			if err == nil {
				x.got(id)
			}
			return err
		})
	}
	x.open = func(m *carom.Manager) (closer, calls) {
		q := open(m)
		put := func(put func(ctx context.Context, list [][]byte) (int, error), n int) func(context.Context) error {
			return func(ctx context.Context) error {
				if q.Len() > 64 {
					runtime.Gosched()
					return nil
				}
				carom.AddAt(x.counts, 2*putting, int64(n)) // before there are any, as the killed may have some
				var ids []uint32
				var list [][]byte
				for range n {
					if id, ok := x.item(); ok {
						ids, list = append(ids, id), append(list, item(id))
					}
				}
				if len(list) == 0 {
					carom.AddAt(x.counts, 2*putting, int64(-n))
					runtime.Gosched()
					return q.Err()
				}
				stored, err := put(ctx, list)
				for _, id := range ids[stored:] {
					x.refused(id)
				}
				carom.AddAt(x.counts, 2*putting+1, int64(stored))
				carom.AddAt(x.counts, 2*putting, int64(stored-n))
				if errors.Is(err, carom.ErrFull) {
					runtime.Gosched()
					return nil
				}
				return err
			}
		}
		one := func(err error) (int, error) {
			if err != nil {
				return 0, err
			}
			return 1, nil
		}
		all := calls{
			put(func(ctx context.Context, list [][]byte) (int, error) { return one(q.Put(ctx, list[0])) }, 1),
			put(q.PutMany, 3),
			func(ctx context.Context) error { return take(q, func() ([]byte, error) { return q.Get(ctx) }) },
		}
		if sure {
			return q, append(all, q.Join)
		}
		return q, append(all,
			put(func(_ context.Context, list [][]byte) (int, error) { return one(q.TryPut(list[0])) }, 1),
			func(ctx context.Context) error {
				var list [4][]byte
				carom.AddAt(x.counts, 2*getting, int64(len(list)))
				n, err := q.GetMany(ctx, list[:])
				for _, b := range list[:n] {
					id, nerr := number(b)
					if nerr != nil {
						return nerr
					}
					x.got(id)
				}
				carom.AddAt(x.counts, 2*getting+1, int64(n))
				carom.AddAt(x.counts, 2*getting, int64(n-len(list)))
				return err
			})
	}
	x.check = func() error {
		q := keeper(x.base)
		ctx, cancel := context.WithTimeout(context.Background(), promptly)
		defer cancel()
		for q.Len() > 0 {
			if err := take(q, q.TryGet); err != nil {
				return err
			}
		}
		if sure {
			if err := q.Join(ctx); err != nil {
				return fmt.Errorf("Join: %w", err) //nolint:revive // a method's name
			}
		}
		return x.audit(0)
	}
}

// unseen counts what was received when the memory behind it was about to go.
const unseen = 2

func byteQueueExam(x *exam) {
	open := func(m *carom.Manager) *carom.ByteQueue {
		return carom.Must(carom.NewByteQueue(m, x.name, carom.Cap(8)))
	}
	keeper := keeperOf(x, open)
	x.open = func(m *carom.Manager) (closer, calls) {
		h := &heldBuffers{q: open(m)}
		q := h.q
		put := func(ctx context.Context) error {
			return h.lost(x.put(q.Err, func(id uint32) error {
				b, err := q.Reserve(ctx, 1000)
				if err == nil && !h.touch(func() { binary.LittleEndian.PutUint32(b, id) }) {
					err = carom.ErrClosed
				}
				if err == nil {
					err = q.CommitContext(ctx, b)
				}
				return err
			}))
		}
		get := func(ctx context.Context) error {
			return h.lost(x.try(getting, 1, func() error {
				b, err := q.Receive(ctx)
				if err != nil {
					return err
				}
				if !h.touch(func() { x.got(binary.LittleEndian.Uint32(b)) }) {
					carom.AddAt(x.counts, 2*unseen, 1)
				}
				return q.Release(b)
			}))
		}
		return h, calls{put, get, put, get}
	}
	x.check = func() error {
		q := keeper(x.base)
		for q.Len() > 0 {
			b, err := q.TryReceive()
			if err != nil {
				return err
			}
			x.got(binary.LittleEndian.Uint32(b))
			if err := q.Release(b); err != nil {
				return err
			}
		}
		return x.audit(x.counts.Load(2 * unseen))
	}
}

// heldBuffers is a byte queue whose buffers nobody touches once it is about to be closed: they
// are another's then.
type heldBuffers struct {
	q       *carom.ByteQueue
	mu      sync.RWMutex
	closing bool
}

func (h *heldBuffers) Close() error {
	h.mu.Lock()
	h.closing = true
	h.mu.Unlock()
	return h.q.Close()
}

func (h *heldBuffers) touch(f func()) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if !h.closing {
		f()
	}
	return !h.closing
}

// lost is what the slice of a closed handle comes to.
func (h *heldBuffers) lost(err error) error {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.closing && errors.Is(err, carom.ErrNotFound) {
		return carom.ErrClosed
	}
	return err
}

const (
	acquiring = iota
	releasing
)

func semaphoreExam(x *exam, open func(m *carom.Manager) *carom.Semaphore, permits bool) {
	keeper := keeperOf(x, open)
	all := int64(keeper(x.base).Value())
	x.open = func(m *carom.Manager) (closer, calls) {
		s := open(m)
		f := func(acquire func(context.Context) error) func(context.Context) error {
			return func(ctx context.Context) error {
				err := x.try(acquiring, 1, func() error { return acquire(ctx) })
				if errors.Is(err, carom.ErrLocked) {
					runtime.Gosched()
					return nil
				}
				if err != nil {
					return err
				}
				err = x.try(releasing, 1, func() error { return s.Release() })
				if errors.Is(err, carom.ErrClosed) { // this process has the unit still
					if kerr := x.try(releasing, 1, func() error { return keeper(m).Release() }); kerr != nil {
						return fmt.Errorf("the permit of a closed handle is not held: %w", kerr)
					}
				}
				return err
			}
		}
		return s, calls{f(s.Acquire), f(func(context.Context) error { return s.TryAcquire() })}
	}
	x.check = func() error {
		s := keeper(x.base)
		if permits {
			if n := int64(s.Value()); n != all {
				return fmt.Errorf("%d permits of %d are there", n, all)
			}
			return nil
		}
		// What a killed worker had acquired stays acquired.
		down, downBegun := x.sum(acquiring)
		up, upBegun := x.sum(releasing)
		if n := int64(s.Value()); n < all+up-downBegun || n > all+upBegun-down {
			return fmt.Errorf("%d units of %d are there, after %d to %d less and %d to %d more", n, all, down, downBegun, up, upBegun)
		}
		return nil
	}
}

func conditionExam(x *exam) {
	lockName := x.name + " lock"
	x.names = append(x.names, lockName)
	lock := keeperOf(x, func(m *carom.Manager) *carom.Lock { return carom.Must(carom.NewLock(m, lockName)) })
	open := func(m *carom.Manager) *carom.Condition { return carom.Must(carom.NewCondition(m, x.name, lock(m))) }
	_ = keeperOf(x, open)
	tokens := func(n int64) { carom.AddAt(x.counts, ledgerTokens, n) }
	// held runs f with the lock, which f says that it has lost.
	held := func(ctx context.Context, l *carom.Lock, f func() (have bool, err error)) error {
		err := l.Lock(ctx)
		if errors.Is(err, carom.ErrOwnerDied) {
			err = l.Recover(ctx)
		}
		if err != nil {
			return err
		}
		have, err := f()
		if have {
			if uerr := l.Unlock(); uerr != nil {
				return fmt.Errorf("the lock was lost: %w", uerr)
			}
		}
		return err
	}
	x.open = func(m *carom.Manager) (closer, calls) {
		c := open(m)
		put := func(ctx context.Context) error {
			return held(ctx, lock(m), func() (bool, error) {
				if x.counts.Load(ledgerTokens) > 4 {
					return true, c.Notify(1)
				}
				return true, x.try(putting, 1, func() error {
					err := c.Notify(1)
					if err == nil {
						tokens(1)
					}
					return err
				})
			})
		}
		take := func(ctx context.Context) error {
			return held(ctx, lock(m), func() (bool, error) {
				err := c.WaitFor(ctx, func() bool { return x.counts.Load(ledgerTokens) > 0 })
				if errors.Is(err, carom.ErrOwnerDied) { // without the lock
					if errors.Is(err, carom.ErrClosed) || ctx.Err() != nil {
						return false, errors.Join(carom.ErrClosed, ctx.Err())
					}
					return false, nil
				}
				if err == nil {
					err = x.try(getting, 1, func() error { tokens(-1); return nil })
				}
				return true, err
			})
		}
		return c, calls{put, take, take}
	}
	x.check = func() error {
		put, putBegun := x.sum(putting)
		got, gotBegun := x.sum(getting)
		if n := x.counts.Load(ledgerTokens); n < put-gotBegun || n > putBegun-got {
			return fmt.Errorf("%d tokens are there, after %d to %d were put and %d to %d taken", n, put, putBegun, got, gotBegun)
		}
		return freed(x, lock(x.base))
	}
}

func eventExam(x *exam) {
	open := func(m *carom.Manager) *carom.Event { return carom.Must(carom.NewEvent(m, x.name)) }
	keeper := keeperOf(x, open)
	x.open = func(m *carom.Manager) (closer, calls) {
		e := open(m)
		return e, calls{e.Wait, func(context.Context) error {
			err := e.Set()
			if err == nil {
				runtime.Gosched()
				err = e.Clear()
			}
			return err
		}}
	}
	x.check = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), promptly)
		defer cancel()
		return errors.Join(keeper(x.base).Set(), keeper(x.base).Wait(ctx))
	}
}

// barrierExam is a barrier for two: as many come first as second, but for the killed.
func barrierExam(x *exam) {
	open := func(m *carom.Manager) *carom.Barrier { return carom.Must(carom.NewBarrier(m, x.name, 2)) }
	keeper := keeperOf(x, open)
	x.open = func(m *carom.Manager) (closer, calls) {
		b := open(m)
		f := func(ctx context.Context) error {
			i, err := b.Wait(ctx)
			if errors.Is(err, carom.ErrBroken) {
				return b.Recover(ctx)
			}
			if err != nil {
				return err
			}
			return x.try(i, 1, func() error { return nil })
		}
		return b, calls{f, f}
	}
	x.check = func() error {
		b := keeper(x.base)
		first, begun0 := x.sum(0)
		second, begun1 := x.sum(1)
		// A worker has two calls. Each of them may have come through and not have said so.
		if d := first - second; d > 2 || d < -2 {
			return fmt.Errorf("%d to %d came first, %d to %d second", first, begun0, second, begun1)
		}
		for end := time.Now().Add(promptly); b.Waiting() > 0; runtime.Gosched() {
			if time.Now().After(end) {
				return fmt.Errorf("%d wait", b.Waiting())
			}
		}
		return b.Reset()
	}
}

func dictExam(x *exam) {
	open := func(m *carom.Manager) *carom.Dict[string, int64] {
		return carom.Must(carom.NewDict[string, int64](m, x.name))
	}
	keeper := keeperOf(x, open)
	x.open = func(m *carom.Manager) (closer, calls) {
		d := open(m)
		return d, calls{
			func(ctx context.Context) error {
				return x.try(0, 1, func() error { _, err := carom.AddKey(ctx, d, "added", 1); return err })
			},
			func(ctx context.Context) error {
				return x.try(1, 1, func() error {
					_, err := d.Compute(ctx, "computed", func(old int64, _ bool) (int64, error) { return old + 1, nil })
					return err
				})
			},
			func(ctx context.Context) error {
				for range 3 {
					if err := d.Set(ctx, "seen", 1); err != nil {
						return err
					}
					if _, err := d.Snapshot(ctx); err != nil {
						return err
					}
				}
				for _, err := range d.All(ctx) {
					if err != nil {
						return err
					}
				}
				return nil
			},
			func(ctx context.Context) error {
				soon, cancel := context.WithTimeout(ctx, time.Millisecond)
				defer cancel()
				for _, err := range d.Watch(soon, "seen") {
					return notSoon(ctx, err)
				}
				return errors.New("the watch ended without an error")
			},
		}
	}
	x.check = func() error {
		d := keeper(x.base)
		added, _, err := d.Get(context.Background(), "added")
		computed, _, err2 := d.Get(context.Background(), "computed")
		return errors.Join(err, err2, x.holds(0, added), x.holds(1, computed))
	}
	x.polite = true
}

func listExam(x *exam) {
	open := func(m *carom.Manager) *carom.List[uint32] { return carom.Must(carom.NewList[uint32](m, x.name)) }
	keeper := keeperOf(x, open)
	take := func(ctx context.Context, l *carom.List[uint32]) error {
		return x.try(getting, 1, func() error {
			id, err := l.Pop(ctx, 0)
			if err == nil {
				x.got(id)
			}
			return err
		})
	}
	x.open = func(m *carom.Manager) (closer, calls) {
		l := open(m)
		return l, calls{
			func(ctx context.Context) error {
				if n, err := l.Len(ctx); err != nil || n > 20 {
					return err
				}
				return x.put(l.Err, func(id uint32) error { return l.Append(ctx, id) })
			},
			func(ctx context.Context) error {
				err := take(ctx, l)
				if errors.Is(err, carom.ErrNotFound) {
					return nil
				}
				return err
			},
		}
	}
	x.polite = true
	x.check = func() error {
		for {
			err := take(context.Background(), keeper(x.base))
			if errors.Is(err, carom.ErrNotFound) {
				return x.audit(0)
			}
			if err != nil {
				return err
			}
		}
	}
}

func namespaceExam(x *exam) {
	open := func(m *carom.Manager) *carom.Namespace { return carom.Must(carom.NewNamespace(m, x.name)) }
	keeper := keeperOf(x, open)
	const attr = carom.Attr[int64]("n")
	x.open = func(m *carom.Manager) (closer, calls) {
		n := open(m)
		return n, calls{
			func(ctx context.Context) error { return attr.Set(ctx, n, 7) },
			func(ctx context.Context) error {
				got, err := attr.Get(ctx, n)
				if err == nil && got != 7 {
					err = fmt.Errorf("the attribute is %d", got)
				}
				if errors.Is(err, carom.ErrNotFound) {
					err = nil
				}
				return err
			},
		}
	}
	x.polite = true
	x.check = func() error {
		got, err := attr.Get(context.Background(), keeper(x.base))
		if err == nil && got != 7 {
			err = fmt.Errorf("the attribute is %d", got)
		}
		return err
	}
}

// refExam counts calls of a method. One whose caller leaves may go on, so it may have been
// carried out.
func refExam(x *exam) {
	open := func(m *carom.Manager) carom.Ref { return carom.Must(gates.New(m, x.name)) }
	keeper := keeperOf(x, open)
	x.open = func(m *carom.Manager) (closer, calls) {
		r := open(m)
		return r, calls{
			func(ctx context.Context) error {
				carom.AddAt(x.counts, 0, 1)
				n, err := carom.Call[int](ctx, r, "Add")
				if err == nil && n < 1 {
					err = fmt.Errorf("the counter is %d", n)
				}
				if err == nil {
					carom.AddAt(x.counts, 1, 1)
				}
				return err
			},
			func(ctx context.Context) error {
				soon, cancel := context.WithTimeout(ctx, time.Millisecond)
				defer cancel()
				_, err := carom.Call[int](soon, r, "Wait")
				return notSoon(ctx, err)
			},
		}
	}
	x.polite = true
	x.check = func() error {
		n, err := carom.Call[int](context.Background(), keeper(x.base), "Count")
		return errors.Join(err, x.holds(0, int64(n)))
	}
}

// notSoon makes nothing of the end of a context that was made from ctx.
func notSoon(ctx context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil
	}
	return err
}
