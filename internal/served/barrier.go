package served

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

type barrier struct {
	meet *shm.Rendezvous
	obj  *shm.Handle

	mu    sync.Mutex
	turns []uint64 // for which this handle was told to run its action, the oldest first
}

// maxTurns is how many turns of a handle are remembered. All but the newest are over: the
// barrier was reset or broken meanwhile.
const maxTurns = 64

var barrierMethods = map[string]method[*barrier]{
	"wait":    {(*barrier).wait, lingering},
	"done":    {(*barrier).done, brief},
	"reset":   {func(b *barrier, c *call) error { return b.end(c, false) }, brief},
	"abort":   {func(b *barrier, c *call) error { return b.end(c, true) }, brief},
	"recover": {(*barrier).recover, lingering},
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
	b := &barrier{meet: shm.RendezvousOf(obj), obj: obj}
	details := coord.AppendUint(coord.AppendArray(nil, 1), obj.Param)
	return opened(o, obj, created, b, barrierMethods, b.giveUp, details), nil
}

// giveUp breaks the barrier if nobody is left to say how its action went.
func (b *barrier) giveUp() {
	b.mu.Lock()
	turns := b.turns
	b.turns = nil
	b.mu.Unlock()
	for _, turn := range turns {
		_, _ = b.meet.Finish(context.Background(), turn, false)
	}
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
		b.keep(turn)
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
	if !b.forget(turn) {
		return fmt.Errorf("%w: the handle has no turn %d", errs.ErrNotFound, turn)
	}
	b.obj.Release()
	index, err := b.meet.Finish(c.ctx, turn, ok)
	if c.ctx.Err() != nil && errors.Is(err, c.ctx.Err()) {
		b.keep(turn)
	}
	if err != nil {
		return err
	}
	c.dst = coord.AppendUint(c.dst, uint64(index))
	return nil
}

func (b *barrier) keep(turn uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.turns) == maxTurns {
		b.turns = slices.Delete(b.turns, 0, 1)
	}
	b.turns = append(b.turns, turn)
}

func (b *barrier) forget(turn uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.turns, turn)
	if i >= 0 {
		b.turns = slices.Delete(b.turns, i, i+1)
	}
	return i >= 0
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

func (b *barrier) recover(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	b.obj.Release()
	err := b.meet.Recover(c.ctx)
	b.obj.Acquire()
	if err != nil {
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
