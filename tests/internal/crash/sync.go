package crash

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// The semaphores: permits, which come back from the dead, and units, which do not.
const permits = 3

func permitSpec() shm.Spec {
	return shm.SemaphoreSpec(shm.BoundedSemaphore, "permits", permits, shm.SemaphorePermits|shm.SemaphoreBounded)
}

func unitSpec() shm.Spec { return shm.SemaphoreSpec(shm.Semaphore, "units", permits, 0) }

// brief is for waits that may be in vain.
func brief(f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
	defer cancel()
	return f(ctx)
}

// units acquires and releases, and gives up now and then, with more goroutines than
// there are units, so that nodes are needed beyond those in the object itself.
func units(a *shm.Arena) error {
	for _, s := range []shm.Spec{permitSpec(), unitSpec()} {
		o, err := open(a, s)
		if err != nil {
			return err
		}
		u := shm.UnitsOf(o)
		var all sync.WaitGroup
		problems := make(chan error, 100)
		for i := range 12 {
			all.Go(func() {
				for range 2 {
					wait := func(ctx context.Context) error { return u.Acquire(ctx, i > 0) }
					err := brief(wait)
					if err == nil {
						time.Sleep(20 * time.Microsecond) // the work
						err = u.Release(1)
					}
					if err != nil && !errors.Is(err, errs.ErrLocked) && !errors.Is(err, context.DeadlineExceeded) {
						problems <- err
					}
				}
			})
		}
		all.Wait()
		if s.Kind == shm.Semaphore {
			if u.TryTake() && !u.TryGive(1) { // somebody may wait by now
				if err := u.Release(1); err != nil {
					return err
				}
			}
			if err := inVain(u); err != nil {
				return err
			}
			// a signal that nobody waits for, and one that goes to many
			if err := u.Release(2); err != nil {
				return err
			}
			for u.Value() > permits {
				if err := u.Acquire(context.Background(), false); err != nil {
					break
				}
			}
		} else if err := within(func(ctx context.Context) error { return u.Acquire(ctx, true) }); err != nil {
			return fmt.Errorf("a permit that must be there: %w", err)
		} else if err := u.Release(1); err != nil {
			return err
		}
		select {
		case err := <-problems:
			return err
		default:
		}
		if err := o.Close(context.Background()); err != nil {
			return err
		}
	}
	return grow(a)
}

// inVain waits for a unit while there is none.
func inVain(u *shm.Units) error {
	held := uint32(0)
	for ; u.Acquire(context.Background(), false) == nil; held++ {
	}
	if brief(func(ctx context.Context) error { return u.Acquire(ctx, true) }) == nil {
		held++
	}
	return u.Release(held)
}

// grow adds a permit to a semaphore that is not bounded.
func grow(a *shm.Arena) error {
	o, err := open(a, shm.SemaphoreSpec(shm.Semaphore, "growing", 0, shm.SemaphorePermits))
	if err != nil {
		return err
	}
	return errors.Join(shm.UnitsOf(o).Release(1), o.Close(context.Background()))
}

// unitsToo competes for permits, and never holds one for long.
func unitsToo(ctx context.Context, a *shm.Arena) (func() bool, <-chan struct{}) {
	o := must(open(a, permitSpec()))
	u := shm.UnitsOf(o)
	plain := must(open(a, unitSpec()))
	p := shm.UnitsOf(plain)
	var n atomic.Int64
	done := background(func() {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for ctx.Err() == nil {
					if err := u.Acquire(ctx, true); err != nil {
						if ended(ctx, err) {
							return
						}
						panic(err)
					}
					n.Add(1)
					must(0, u.Release(1))
					if p.Acquire(ctx, false) == nil {
						must(0, p.Release(1))
					}
				}
			})
		}
		all.Wait()
		_ = o.Close(context.Background())
		_ = plain.Close(context.Background())
	})
	return further(&n, 10), done
}

// further reports, from its second call on, that n has grown by so much since the first.
func further(n *atomic.Int64, by int64) func() bool {
	first := int64(-1)
	return func() bool {
		if first < 0 {
			first = n.Load()
		}
		return n.Load() > first+by
	}
}

// meeting meets the survivors at a barrier, of which there are enough without it.
func meeting(a *shm.Arena) error {
	o, err := open(a, shm.BarrierSpec("meeting", 2))
	if err != nil {
		return err
	}
	r := shm.RendezvousOf(o)
	for range 5 {
		err := brief(func(ctx context.Context) error {
			_, err := r.Wait(ctx, func() error { return nil })
			return err
		})
		if errors.Is(err, errs.ErrBroken) {
			err = r.Reset()
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	return o.Close(context.Background())
}

func meetingAlone(a *shm.Arena) error {
	o, err := open(a, shm.BarrierSpec("meeting", 2))
	if err != nil {
		return err
	}
	r := shm.RendezvousOf(o)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			_ = brief(func(ctx context.Context) error { _, err := r.Wait(ctx, nil); return err })
		})
	}
	all.Wait()
	if err := r.Abort(); err != nil {
		return err
	}
	for range 2 {
		all.Go(func() { _ = brief(r.Recover) })
	}
	all.Wait()
	if r.Broken() {
		if err := r.Reset(); err != nil {
			return err
		}
	}
	return o.Close(context.Background())
}

func meetingToo(ctx context.Context, a *shm.Arena) (func() bool, <-chan struct{}) {
	o := must(open(a, shm.BarrierSpec("meeting", 2)))
	r := shm.RendezvousOf(o)
	var n atomic.Int64
	done := background(func() {
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				for ctx.Err() == nil {
					_, err := r.Wait(ctx, nil)
					switch {
					case err == nil:
						n.Add(1)
					case errors.Is(err, errs.ErrBroken):
						must(0, r.Reset())
					}
				}
			})
		}
		all.Wait()
		_ = o.Close(context.Background())
	})
	return further(&n, 5), done
}

// notified waits for notifications and gives them. Each that it takes it answers, so that
// whoever waits beside it is notified sooner or later.
func notified(a *shm.Arena) error {
	o, err := open(a, shm.ConditionSpec("condition", nil))
	if err != nil {
		return err
	}
	w := shm.WaitersOf(o)
	for range 3 {
		var x shm.Waiter
		if err := within(func(ctx context.Context) error { x, err = w.Add(ctx); return err }); err != nil {
			return err
		}
		if brief(x.Wait) == nil {
			x.Leave()
		}
		if err := within(func(ctx context.Context) error { return w.Notify(ctx, 1) }); err != nil {
			return err
		}
	}
	return o.Close(context.Background())
}

func notifiedToo(ctx context.Context, a *shm.Arena) (func() bool, <-chan struct{}) {
	o := must(open(a, shm.ConditionSpec("condition", nil)))
	w := shm.WaitersOf(o)
	var n atomic.Int64
	done := background(func() {
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				for ctx.Err() == nil {
					x, err := w.Add(ctx)
					if err == nil && x.Wait(ctx) == nil {
						x.Leave()
						n.Add(1)
					}
				}
			})
		}
		all.Go(func() {
			for ctx.Err() == nil {
				time.Sleep(100 * time.Microsecond)
				_ = w.Notify(ctx, 1)
			}
		})
		all.Wait()
		_ = o.Close(context.Background())
	})
	return further(&n, 5), done
}

// useSync has a synchronisation object do its work once, and finds all permits back.
func useSync(a *shm.Arena, i shm.Info) error {
	spec := shm.Spec{Name: i.Name, Kind: i.Kind, OpenOnly: true, Any: true}
	o, err := open(a, spec)
	if err != nil {
		return err
	}
	switch i.Kind {
	case shm.BoundedSemaphore:
		u := shm.UnitsOf(o)
		if u.Value() != permits {
			return fmt.Errorf("%d permits of %d", u.Value(), permits)
		}
		for range permits {
			if err := within(func(ctx context.Context) error { return u.Acquire(ctx, true) }); err != nil {
				return err
			}
		}
		if err := u.Acquire(context.Background(), false); !errors.Is(err, errs.ErrLocked) {
			return fmt.Errorf("one permit too many: %v", err)
		}
		if err := u.Release(permits); err != nil {
			return err
		}
	case shm.Semaphore:
		u := shm.UnitsOf(o)
		if err := u.Release(1); err != nil {
			return err
		}
		if err := within(func(ctx context.Context) error { return u.Acquire(ctx, true) }); err != nil {
			return err
		}
		if err := u.Release(1); err != nil { // who holds a permit has the semaphore to the end
			return err
		}
	case shm.Barrier:
		r := shm.RendezvousOf(o)
		if err := r.Reset(); err != nil {
			return err
		}
		if r.Waiting() != 0 || r.Broken() {
			return fmt.Errorf("a new barrier has %d waiting, broken %t", r.Waiting(), r.Broken())
		}
	case shm.Condition:
		w := shm.WaitersOf(o)
		return errors.Join(within(func(ctx context.Context) error {
			x, err := w.Add(ctx)
			if err == nil {
				if err = w.Notify(ctx, 1); err == nil {
					if err = x.Wait(ctx); err == nil {
						x.Leave()
					}
				}
			}
			return err
		}), o.Close(context.Background()))
	}
	return o.Close(context.Background())
}
