package crash

import (
	"context"
	"errors"
	"fmt"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// guests has guests of this process come, hold things, wait for each other, and go.
func guests(a *shm.Arena) error {
	holder, err := a.Guest()
	if err != nil {
		return err
	}
	holder.SetLabel("a guest")
	waiter, err := a.Guest()
	if err != nil {
		return err
	}
	if err := locks(holder); err != nil {
		return err
	}
	held, err := open(holder, lockSpec("held"))
	if err != nil {
		return err
	}
	if err := within(func(ctx context.Context) error { return lock(ctx, holder, held) }); err != nil {
		return err
	}
	q, err := openQueue(holder, sure)
	if err != nil {
		return err
	}
	err = within(func(ctx context.Context) error {
		if err := q.put(ctx, 50); err != nil {
			return err
		}
		_, err := q.items.Get(ctx, true, ignore, ignore)
		return err
	})
	if err != nil {
		return err
	}
	if _, _, err := q.items.Reserve(context.Background(), 10_000); err != nil { // in flight
		return err
	}
	wanted, err := open(waiter, lockSpec("held"))
	if err != nil {
		return err
	}
	got := make(chan error, 2)
	go func() { got <- within(func(ctx context.Context) error { return lock(ctx, waiter, wanted) }) }()
	if err := holder.Close(context.Background()); err != nil {
		return err
	}
	if err := <-got; err != nil {
		return err
	}
	// It goes with a wait under way, for what its host has.
	mine, err := open(a, lockSpec("lock"))
	if err != nil {
		return err
	}
	if err := within(func(ctx context.Context) error { return lock(ctx, a, mine) }); err != nil {
		return err
	}
	theirs, err := open(waiter, lockSpec("lock"))
	if err != nil {
		return err
	}
	go func() { got <- within(func(ctx context.Context) error { return lock(ctx, waiter, theirs) }) }()
	if err := waiter.Close(context.Background()); err != nil {
		return err
	}
	if err := <-got; !errors.Is(err, errs.ErrClosed) {
		return fmt.Errorf("a wait of a guest that went: %w", err)
	}
	if err := useLeft(a, q.i); err != nil {
		return err
	}
	return closeAll(mine)
}

// guestLeft has a guest go that has no time to sweep itself: others do.
func guestLeft(a *shm.Arena) error {
	g, err := a.Guest()
	if err != nil {
		return err
	}
	held, err := open(g, lockSpec("held"))
	if err != nil {
		return err
	}
	if err := within(func(ctx context.Context) error { return lock(ctx, g, held) }); err != nil {
		return err
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.Close(over); err != nil {
		return err
	}
	mine, err := open(a, lockSpec("held"))
	if err != nil {
		return err
	}
	err = within(func(ctx context.Context) error { return lock(ctx, a, mine) })
	return errors.Join(err, shm.LockOf(mine.Object).Unlock(a.Domain()), closeAll(mine), swept(a))
}

// useLeft drains what guests left in a queue, and unlocks the lock that this process holds.
func useLeft(a *shm.Arena, i int) error {
	o, err := open(a, lockSpec("lock"))
	if err != nil {
		return err
	}
	if err := shm.LockOf(o.Object).Unlock(a.Domain()); err != nil {
		return err
	}
	q, err := openQueue(a, i)
	if err != nil {
		return err
	}
	if q.items.Len() > 20 {
		if err := q.drain(); err != nil {
			return err
		}
	}
	return closeAll(o, q.h, q.also)
}
