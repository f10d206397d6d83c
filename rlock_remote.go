package carom

import (
	"context"

	"github.com/carom-ipc/carom/coord"
)

// holdInRemote is the hold that ctx carries, if the session still has the lock by it.
func (l *RLock) holdInRemote(ctx context.Context, op string) (*hold, error) {
	k, _ := ctx.Value(l.key()).(*hold)
	if k == nil {
		return nil, nil
	}
	mine, fence := false, uint64(0)
	err := l.h.tell(op, "holder", func(in *coord.Reader) error {
		in.Args(2)
		mine, fence = in.Bool(), in.Uint()
		return nil
	})
	if err != nil || !mine || fence != k.fence {
		return nil, err
	}
	return k, nil
}

func (l *RLock) acquireRemote(ctx context.Context, op, method string) (context.Context, error) {
	k, err := l.holdInRemote(ctx, op)
	if err != nil {
		return ctx, err
	}
	if k != nil && k.again() {
		return ctx, nil
	}
	var fence uint64
	if method == "trylock" {
		err = l.h.tell(op, method, intoUint(&fence))
	} else {
		err = l.h.ask(ctx, op, method, intoUint(&fence))
	}
	if err != nil {
		return ctx, err
	}
	return context.WithValue(ctx, l.key(), &hold{fence: fence, depth: 1}), nil
}

// noFence is no acquisition's: unlocking by it only clears the state of a dead owner.
const noFence = 0

func (l *RLock) unlockRemote(ctx context.Context) error {
	const op = "unlock"
	k, err := l.holdInRemote(ctx, op)
	if err != nil {
		return err
	}
	if k == nil {
		return l.h.tell(op, "unlock", nil, uint64(noFence))
	}
	return l.h.wrap(op, k.undo(func() error { return l.h.tell(op, "unlock", nil, k.fence) }))
}
