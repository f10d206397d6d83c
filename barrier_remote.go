package carom

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carom-ipc/carom/coord"
)

func barrierParams(parties int) []byte {
	return coord.AppendUint(coord.AppendArray(nil, 1), uint64(parties))
}

// waitRemote leaves ctx's deadline to the coordinator, where it breaks the barrier, and ends
// the call itself only by a cancellation, which does not.
func (b *Barrier) waitRemote(ctx context.Context) (int, error) {
	const op = "wait"
	if errors.Is(ctx.Err(), context.Canceled) {
		return 0, ctx.Err()
	}
	var timeout time.Duration
	if deadline, has := ctx.Deadline(); has {
		timeout = max(1, time.Until(deadline))
	}
	call, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			cancel()
			return
		}
		late := time.AfterFunc(b.h.m.opts.Timeout, cancel) // nobody is there to break it
		context.AfterFunc(call, func() { late.Stop() })
	})
	defer stop()
	var number uint64
	var run bool
	err := b.h.send(call, op, "wait", true, func(in *coord.Reader) error {
		in.Args(2)
		number, run = in.Uint(), in.Bool()
		return nil
	}, []any{timeout, b.action != nil})
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return 0, b.h.wrapBarrier(op, fmt.Errorf("%w: %w", ErrBroken, context.DeadlineExceeded))
	case err != nil:
		return 0, b.h.ended(ctx, op, err)
	case run:
		return b.actRemote(op, number)
	}
	return int(number), nil
}

// actRemote runs the action in its turn. A panic breaks the barrier like an error.
func (b *Barrier) actRemote(op string, turn uint64) (int, error) {
	said := false
	index := uint64(0)
	say := func(ok bool) error {
		said = true
		return b.h.tell(op, "done", intoUint(&index), turn, ok)
	}
	defer func() {
		if !said {
			_ = say(false)
		}
	}()
	err := b.action()
	broken := say(err == nil)
	if err == nil {
		err = broken
	}
	return int(index), b.h.wrapBarrier(op, err)
}

func (b *Barrier) waitingRemote() (n int) {
	_ = b.h.look("waiting", "waiting", intoInt(&n))
	return n
}

func (b *Barrier) brokenRemote() (broken bool) {
	_ = b.h.look("broken", "broken", intoBool(&broken))
	return broken
}
