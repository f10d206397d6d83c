package served

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

type barrier struct {
	meet *shm.Rendezvous
	obj  *shm.Object

	mu    sync.Mutex
	turns map[uint64]bool // that this handle was told to run an action for
}

var barrierMethods = map[string]method[*barrier]{
	"wait":    {(*barrier).wait, lingering},
	"done":    {(*barrier).done, brief},
	"reset":   {func(b *barrier, c *call) error { return b.end(c, false) }, brief},
	"abort":   {func(b *barrier, c *call) error { return b.end(c, true) }, brief},
	"waiting": {(*barrier).waiting, instant},
	"broken":  {(*barrier).broken, instant},
}

const maxParties = 1 << 20

func openBarrier(o *opening) (coord.Opened, error) {
	parties := uint64(1)
	if o.creates(1) {
		parties = o.params.Uint()
	}
	err := o.paramErr()
	if err == nil {
		err = o.untyped()
	}
	if err == nil && (parties < 1 || parties > maxParties) {
		err = fmt.Errorf("%w: %d parties, want 1 to %d", errs.ErrType, parties, maxParties)
	}
	if err != nil {
		return coord.Opened{}, err
	}
	spec := shm.BarrierSpec(o.name, uint32(parties))
	spec.Describe = func(n uint64, _ uint32) string { return fmt.Sprintf("%d parties", n) }
	obj, created, err := o.attach(spec)
	if err != nil {
		return coord.Opened{}, err
	}
	b := &barrier{meet: shm.RendezvousOf(obj), obj: obj, turns: map[uint64]bool{}}
	details := coord.AppendUint(coord.AppendArray(nil, 1), obj.Param)
	return opened(o, obj, created, b, barrierMethods, b.detach, details), nil
}

// detach breaks the barrier if nobody is left to say how its action went.
func (b *barrier) detach() error {
	b.mu.Lock()
	turns := b.turns
	b.turns = nil
	b.mu.Unlock()
	for turn := range turns {
		_, _ = b.meet.Finish(context.Background(), turn, false)
	}
	return b.obj.Close()
}

// mortal is a context of a call to whose session's end the others must not be indifferent:
// it is a deadline, by which a barrier breaks, where a cancelled call only takes its caller
// out.
type mortal struct {
	context.Context
	session context.Context
}

func (m mortal) Err() error {
	err := m.Context.Err()
	if err != nil && m.session.Err() != nil {
		return context.DeadlineExceeded
	}
	return err
}

func (b *barrier) wait(c *call) error {
	c.args.Args(2)
	timeout, acts := c.args.Uint(), c.args.Bool()
	if err := c.args.Err(); err != nil {
		return err
	}
	ctx := c.ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(min(timeout, math.MaxInt64)))
		defer cancel()
	}
	b.obj.Release()
	index, turn, err := b.meet.Arrive(mortal{ctx, c.sess.Context()}, acts)
	b.obj.Acquire()
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the barrier broke: %w", context.DeadlineExceeded) // the deadline rather than its effect
	}
	if err != nil {
		return err
	}
	first := uint64(index)
	if turn != 0 {
		first = turn
		b.mu.Lock()
		b.turns[turn] = true
		b.mu.Unlock()
	}
	c.dst = coord.AppendBool(coord.AppendUint(coord.AppendArray(c.dst, 2), first), turn != 0)
	return nil
}

func (b *barrier) done(c *call) error {
	c.args.Args(2)
	turn, ok := c.args.Uint(), c.args.Bool()
	if err := c.args.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	known := b.turns[turn]
	delete(b.turns, turn)
	b.mu.Unlock()
	if !known {
		return fmt.Errorf("%w: the handle has no turn %d", errs.ErrNotFound, turn)
	}
	b.obj.Release()
	index, err := b.meet.Finish(c.ctx, turn, ok)
	if c.ctx.Err() != nil && errors.Is(err, c.ctx.Err()) {
		b.mu.Lock()
		b.turns[turn] = true
		b.mu.Unlock()
	}
	if err != nil {
		return err
	}
	c.dst = coord.AppendUint(c.dst, uint64(index))
	return nil
}

// end breaks the barrier, or makes it as new.
func (b *barrier) end(c *call, broken bool) error {
	if err := c.nothing(); err != nil {
		return err
	}
	if err := b.meet.End(c.ctx, broken); err != nil {
		return err
	}
	return c.null()
}

func (b *barrier) waiting(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	c.dst = coord.AppendInt(c.dst, int64(b.meet.Waiting()))
	return nil
}

func (b *barrier) broken(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	c.dst = coord.AppendBool(c.dst, b.meet.Broken())
	return nil
}
