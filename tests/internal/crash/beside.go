package crash

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// must is for the survivors: what fails there is a finding.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ended(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || errors.Is(err, io.EOF) || errors.Is(err, errs.ErrClosed))
}

// lockers take a lock in turn; whoever finds it the dead's recovers it.
func lockers(ctx context.Context, a *shm.Arena) (func() bool, <-chan struct{}) {
	return lockFor(ctx, a, 0)
}

func slowLocker(ctx context.Context, a *shm.Arena) (func() bool, <-chan struct{}) {
	return lockFor(ctx, a, 2*time.Millisecond)
}

func lockFor(ctx context.Context, a *shm.Arena, hold time.Duration) (func() bool, <-chan struct{}) {
	o := must(open(a, lockSpec("lock")))
	var n atomic.Int64
	done := background(func() {
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				for ctx.Err() == nil {
					if err := lock(ctx, a, o); err != nil {
						if ended(ctx, err) {
							return
						}
						continue // another was quicker to recover it, and died
					}
					n.Add(1)
					if hold > 0 {
						time.Sleep(hold) // the work that takes so long
					}
					_ = shm.LockOf(o.Object).Unlock(a.Domain())
				}
			})
		}
		all.Wait()
		_ = o.Close(context.Background())
	})
	first := int64(-1)
	return func() bool {
		if first < 0 {
			first = n.Load()
		}
		return n.Load() > first+5
	}, done
}

// producers feed consumers that sleep.
func producers(a *shm.Arena) error {
	for i := range tallied {
		q, err := openQueue(a, i)
		if err != nil {
			return err
		}
		for range 2 {
			waitEmpty(q)
			err := within(func(ctx context.Context) error {
				switch i {
				case bytes:
					return q.commit(ctx, 64)
				case large:
					return q.put(ctx, 9000)
				}
				return q.put(ctx, 16)
			})
			if err != nil {
				return err
			}
		}
		if err := q.close(); err != nil {
			return err
		}
	}
	o, err := open(a, eventSpec("event"))
	if err != nil {
		return err
	}
	shm.EventOf(o.Object).Set(a.Domain())
	shm.EventOf(o.Object).Clear()
	return o.Close(context.Background())
}

// waitEmpty gives consumers the time to fall asleep: what follows finds them so, or
// about to.
func waitEmpty(q queue) {
	for end := time.Now().Add(Patience); q.items.Len() > 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Microsecond)
	}
	time.Sleep(50 * time.Microsecond)
}

// consumers take from all queues, and wait for the event.
func consumers(ctx context.Context, a *shm.Arena) (func() bool, <-chan struct{}) {
	var list []queue
	for i := range tallied {
		list = append(list, must(openQueue(a, i)))
	}
	event := must(open(a, eventSpec("event")))
	done := background(func() {
		var all sync.WaitGroup
		for _, q := range list {
			for range 2 {
				all.Go(func() {
					for {
						err := q.get(ctx, true)
						if ended(ctx, err) {
							return
						}
						must(0, err)
					}
				})
			}
		}
		all.Go(func() {
			for ctx.Err() == nil {
				if err := shm.EventOf(event.Object).Wait(ctx, a.Domain()); err == nil {
					time.Sleep(20 * time.Microsecond)
				}
			}
		})
		all.Wait()
		for _, q := range list {
			_ = q.close()
		}
		_ = event.Close(context.Background())
	})
	return func() bool {
		for _, q := range list {
			if q.items.Len() > 0 {
				return false
			}
		}
		return true
	}, done
}

// consumeSlowly takes from a queue that others keep full.
func consumeSlowly(a *shm.Arena) error {
	q, err := openQueue(a, capped)
	if err != nil {
		return err
	}
	for range 5 {
		for end := time.Now().Add(Patience); !q.items.Full() && time.Now().Before(end); {
			time.Sleep(10 * time.Microsecond)
		}
		if err := within(func(ctx context.Context) error { return q.get(ctx, true) }); err != nil {
			return err
		}
	}
	return q.close()
}

// fill keeps a queue full.
func fill(ctx context.Context, a *shm.Arena) (func() bool, <-chan struct{}) {
	q := must(openQueue(a, capped))
	done := background(func() {
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				for {
					err := q.put(ctx, 30)
					if ended(ctx, err) {
						return
					}
					must(0, err)
				}
			})
		}
		all.Wait()
		_ = q.close()
	})
	return q.items.Full, done
}

// waitForAll sleeps on every kind of object until feed does its part, or in vain for a
// moment.
func waitForAll(a *shm.Arena) error {
	var all sync.WaitGroup
	problems := make(chan error, 20)
	wait := func(f func(ctx context.Context) error) {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Millisecond)
			defer cancel()
			if err := f(ctx); err != nil && ctx.Err() == nil {
				problems <- err
			}
		})
	}
	event, err := open(a, eventSpec("event"))
	if err != nil {
		return err
	}
	wait(func(ctx context.Context) error { return shm.EventOf(event.Object).Wait(ctx, a.Domain()) })
	var list []queue
	for i := range tallied {
		q, err := openQueue(a, i)
		if err != nil {
			return err
		}
		list = append(list, q)
		wait(func(ctx context.Context) error { return q.get(ctx, true) })
		wait(func(ctx context.Context) error { return q.get(ctx, true) })
	}
	all.Wait()
	for _, q := range list {
		if err := q.close(); err != nil {
			return err
		}
	}
	select {
	case err := <-problems:
		return err
	default:
		return event.Close(context.Background())
	}
}

// feed puts items now and then, and takes care that none stay.
func feed(ctx context.Context, a *shm.Arena) (func() bool, <-chan struct{}) {
	var list []queue
	for i := range tallied {
		list = append(list, must(openQueue(a, i)))
	}
	event := must(open(a, eventSpec("event")))
	rounds := int64(0)
	done := background(func() {
		for ctx.Err() == nil {
			for i, q := range list {
				for range 2 {
					var err error
					if i == bytes {
						err = q.commit(ctx, 64)
					} else {
						err = q.put(ctx, 64)
					}
					if ended(ctx, err) {
						break
					}
					must(0, err)
				}
			}
			shm.EventOf(event.Object).Set(a.Domain())
			time.Sleep(time.Millisecond)
			shm.EventOf(event.Object).Clear()
			for _, q := range list {
				for q.items.Len() > 1 && ctx.Err() == nil {
					if err := q.get(ctx, false); err != nil && !errors.Is(err, errs.ErrEmpty) && !ended(ctx, err) {
						panic(err)
					}
				}
			}
			atomic.AddInt64(&rounds, 1)
		}
		for _, q := range list {
			_ = q.close()
		}
		_ = event.Close(context.Background())
	})
	first := int64(-1)
	return func() bool {
		if first < 0 {
			first = atomic.LoadInt64(&rounds)
		}
		return atomic.LoadInt64(&rounds) > first+3
	}, done
}

// joins confirms what others wait for with Join.
func joins(a *shm.Arena) error {
	for _, i := range []int{sure, plain} {
		q, err := openQueue(a, i)
		if err != nil {
			return err
		}
		err = within(func(ctx context.Context) error {
			if err := q.put(ctx, 16); err != nil {
				return err
			}
			time.Sleep(50 * time.Microsecond) // for the others to join
			if err := q.get(ctx, true); err != nil && !errors.Is(err, errs.ErrEmpty) {
				return err
			}
			if i == plain {
				return q.items.DoneAny()
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := q.close(); err != nil {
			return err
		}
	}
	return nil
}

// joiners join over and over, and finish what the dead left.
func joiners(ctx context.Context, a *shm.Arena) (func() bool, <-chan struct{}) {
	q := must(openQueue(a, sure))
	p := must(openQueue(a, plain))
	quit, cancel := context.WithCancel(ctx)
	var n atomic.Int64
	done := background(func() {
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				for quit.Err() == nil {
					if q.items.Join(quit) == nil {
						n.Add(1)
						time.Sleep(20 * time.Microsecond)
					}
				}
			})
			all.Go(func() {
				for quit.Err() == nil {
					if p.items.Join(quit) == nil {
						time.Sleep(20 * time.Microsecond)
					}
				}
			})
		}
		all.Wait()
		cancel()
		_ = q.close()
		_ = p.close()
	})
	first := int64(-1)
	return func() bool {
		// The victim's item is there, or came back, or was confirmed: then joining goes on.
		if err := q.get(ctx, false); err != nil && !errors.Is(err, errs.ErrEmpty) {
			panic(err)
		}
		if first < 0 {
			first = n.Load()
		}
		return n.Load() > first+3
	}, done
}

// closing closes a queue on which others sleep.
func closing(a *shm.Arena) error {
	for i := range tallied {
		q, err := openQueue(a, i)
		if err != nil {
			return err
		}
		waitEmpty(q)
		if err := within(q.items.CloseWrite); err != nil && !errors.Is(err, errs.ErrClosed) {
			return err
		}
		if err := q.close(); err != nil {
			return err
		}
	}
	return nil
}

// cellsToo changes a value beside the victim, and finds it never torn.
func cellsToo(ctx context.Context, a *shm.Arena) (func() bool, <-chan struct{}) {
	o := must(open(a, valueSpec("big", 24)))
	var n atomic.Int64
	done := background(func() {
		for ctx.Err() == nil {
			must(0, useBig(o))
			n.Add(1)
		}
		_ = o.Close(context.Background())
	})
	first := int64(-1)
	return func() bool {
		if first < 0 {
			first = n.Load()
		}
		return n.Load() > first+5
	}, done
}
