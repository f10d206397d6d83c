package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// Bystanders are what processes do beside one that is stopped. Dying and DyingToo take a bit of everything,
// each of objects of its own, and kill themselves; Sweeping does nothing but sweep what it
// comes upon.
var Bystanders = []Workload{
	{Name: Dying, Victim: func(a *shm.Arena) error { return die(a, Dying) }},
	{Name: DyingToo, Victim: func(a *shm.Arena) error { return die(a, DyingToo) }},
	{Name: Sweeping, Victim: swept},
}

// Names of bystanders.
const (
	Dying    = "dying"
	DyingToo = "dying-too"
	Sweeping = "sweeping"
)

// estate is what a bystander has when it dies.
type estate struct {
	permits, lock, queue, barrier *shm.Handle
}

func openEstate(a *shm.Arena, of string) (e estate, err error) {
	for _, x := range []struct {
		h    **shm.Handle
		spec shm.Spec
	}{
		{&e.permits, shm.SemaphoreSpec(shm.BoundedSemaphore, of+" permits", permits, shm.SemaphorePermits|shm.SemaphoreBounded)},
		{&e.lock, lockSpec(of + " lock")},
		{&e.queue, shm.QueueSpec(shm.Queue, of+" queue", "item", 0, true)},
		{&e.barrier, shm.BarrierSpec(of+" barrier", 2)},
	} {
		if *x.h, err = open(a, x.spec); err != nil {
			return e, err
		}
	}
	return e, nil
}

func (e estate) close() error { return closeAll(e.permits, e.lock, e.queue, e.barrier) }

func die(a *shm.Arena, name string) error {
	e, err := openEstate(a, name)
	if err != nil {
		return err
	}
	q := shm.ItemsOf(e.queue)
	for i := range permits - 1 {
		err := within(func(ctx context.Context) error {
			if err := shm.UnitsOf(e.permits).Acquire(ctx, true); err != nil {
				return err
			}
			if err := q.Put(ctx, nil, []byte(strconv.Itoa(i)), true); err != nil {
				return err
			}
			_, err := q.Get(ctx, true, ignore, ignore)
			return err
		})
		if err != nil {
			return err
		}
	}
	if _, _, err := q.Reserve(context.Background(), 10_000); err != nil { // in flight
		return err
	}
	if err := within(func(ctx context.Context) error { return lock(ctx, a, e.lock) }); err != nil {
		return err
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	_ = self.Kill()
	select {}
}

// Inherited finds what a bystander held when it died, within a time, and leaves everything as
// it was before.
func Inherited(a *shm.Arena, name string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	e, err := openEstate(a, name)
	if err != nil {
		return err
	}
	u, q := shm.UnitsOf(e.permits), shm.ItemsOf(e.queue)
	for range permits {
		if err := u.Acquire(ctx, true); err != nil {
			return fmt.Errorf("a permit: %w", err)
		}
	}
	if err := u.ReleaseContext(ctx, permits); err != nil {
		return fmt.Errorf("permits to give back: %w", err)
	}
	l := shm.LockOf(e.lock.Object)
	if _, err := l.Lock(ctx, a.Domain(), futex.Report); !errors.Is(err, errs.ErrOwnerDied) {
		return fmt.Errorf("a lock whose owner died: %w", err)
	}
	if _, err := l.Lock(ctx, a.Domain(), futex.TakeOver); err != nil {
		return fmt.Errorf("a lock to recover: %w", err)
	}
	if err := l.Unlock(a.Domain()); err != nil {
		return err
	}
	for range permits - 1 {
		claim, err := q.Get(ctx, true, ignore, ignore)
		if err != nil {
			return fmt.Errorf("an item: %w", err)
		}
		if err := q.Done(ctx, claim); err != nil {
			return fmt.Errorf("an item to confirm: %w", err)
		}
	}
	return e.close()
}

// Works uses objects of its own, within a time.
func Works(a *shm.Arena, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	h, _, err := a.Open(ctx, shm.QueueSpec(shm.Queue, "works", "item", 0, false))
	if err != nil {
		return err
	}
	q := shm.ItemsOf(h)
	for _, n := range []int{10, 10_000} {
		if err := q.Put(ctx, nil, make([]byte, n), true); err != nil {
			return err
		}
		if _, err := q.Get(ctx, true, ignore, ignore); err != nil {
			return err
		}
	}
	return errors.Join(a.Remove(ctx, "works"), h.Close(ctx))
}
