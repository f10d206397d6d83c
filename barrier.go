package carom

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/shm"
)

// Barrier lets a fixed number of parties wait for each other, again and again. It
// breaks, and sends everybody away with ErrBroken until Recover or Reset, when a party dies in
// Wait, when one's time is over, or when the action fails. The action and the timeout belong to
// the handle, and do not travel with it.
type Barrier struct {
	base[shm.Rendezvous]
	action  func() error
	timeout time.Duration
}

// maxParties is how many a barrier may wait for.
const maxParties = 1 << 20

// NewBarrier makes sure that there is a barrier called name for so many parties, and
// attaches to it. "" asks for a name of its own. Options: BarrierAction and
// BarrierTimeout, of this handle; Exclusive. Errors: ErrType if parties is less than 1, or
// if the name belongs to something else or to another number; ErrExists with Exclusive;
// ErrNoMemory.
func NewBarrier(m *Manager, name string, parties int, opts ...Option) (*Barrier, error) {
	b := new(Barrier)
	return opened(b, b.open(m, "new", name, parties, opts))
}

// OpenBarrier attaches to the barrier called name. ErrNotFound: there is none.
func OpenBarrier(m *Manager, name string) (*Barrier, error) {
	b := new(Barrier)
	return opened(b, b.reopen(m, name))
}

func (b *Barrier) reopen(m *Manager, name string) error { return b.open(m, "open", name, 1, nil) }

func (b *Barrier) open(m *Manager, op, name string, parties int, opts []Option) error {
	const kind = shm.Barrier
	o, err := readOptions(kind.String(), opts)
	if err == nil && (parties < 1 || parties > maxParties) {
		err = fmt.Errorf("%w: %d parties, want 1 to %d", ErrType, parties, maxParties)
	}
	if err != nil {
		return opError(op, kind.String(), name, err)
	}
	w := wanted{op: op, spec: shm.BarrierSpec(name, uint32(parties))}
	if isServed(m) {
		w.params = coord.AppendUint(coord.AppendArray(nil, 1), uint64(parties))
	}
	w.spec.Exclusive, w.spec.Any = o.exclusive, op == "open"
	w.spec.Describe = func(n uint64, _ uint32) string { return fmt.Sprintf("%d parties", n) }
	h, err := openShared(m, w)
	if err != nil {
		return err
	}
	b.action, b.timeout = o.action, o.timeout
	if b.h = h; h.obj != nil {
		b.bind(h, shm.RendezvousOf(h.obj), nil)
	}
	return nil
}

// Wait waits for the other parties, and returns the order of arrival: 0 for the first,
// parties-1 for the last, which runs the action before the others are released. Errors:
// ErrBroken; the action's, in the party that ran it; ErrClosed. When ctx's deadline or the
// BarrierTimeout passes, the barrier breaks, and errors.Is finds both ErrBroken and
// context.DeadlineExceeded; a cancelled ctx takes only the caller out. A party that comes while
// another's action runs belongs to the next round: its deadline breaks nothing before that.
func (b *Barrier) Wait(ctx context.Context) (index int, err error) {
	const op = "wait"
	r, err := b.use(op)
	if err != nil {
		return 0, err
	}
	if _, has := ctx.Deadline(); b.timeout > 0 && !has {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, b.timeout)
		defer cancel()
	}
	if r == nil {
		return b.waitRemote(ctx, op)
	}
	defer b.leave()
	b.h.publish()
	index, err = r.Wait(ctx, b.action)
	b.h.observe()
	return index, b.failed(op, err)
}

// failed is fail for a deadline that also broke the barrier: that is no context's error
// unchanged.
func (b *Barrier) failed(op string, err error) error {
	if err != nil && errors.Is(err, ErrBroken) {
		return &OpError{Op: op, Kind: b.h.kind, Name: b.h.name, Err: err}
	}
	return b.h.fail(op, err)
}

// waitRemote leaves ctx's deadline to the coordinator, where it breaks the barrier, and ends
// the call itself only by a cancellation, which does not.
func (b *Barrier) waitRemote(ctx context.Context, op string) (int, error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return 0, ctx.Err()
	}
	var timeout time.Duration
	if deadline, has := ctx.Deadline(); has {
		timeout = max(1, time.Until(deadline))
	}
	call, done, err := b.h.stay(context.WithoutCancel(ctx), op)
	if err != nil {
		return 0, err
	}
	defer done()
	call, cancel := context.WithCancel(call)
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
	err = b.h.send(call, op, "wait", true, func(in *coord.Reader) error {
		in.Args(2)
		number, run = in.Uint(), in.Bool()
		return nil
	}, []any{timeout, b.action != nil})
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return 0, b.failed(op, fmt.Errorf("%w: %w", ErrBroken, context.DeadlineExceeded))
	case err != nil && ctx.Err() != nil:
		return 0, b.h.ended(ctx, op, err)
	case err != nil:
		return 0, b.h.ended(call, op, err)
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
	return int(index), b.failed(op, err)
}

// Recover is for every party to call when Wait has told it ErrBroken: it returns when as many
// have called it as the barrier waits for, and the barrier is as new. So all begin the next
// round together, which they may never do where each calls Reset: that sends those away who
// were quicker.
//
//	for {
//		_, err := b.Wait(ctx)
//		if !errors.Is(err, carom.ErrBroken) {
//			return err
//		}
//		if err := b.Recover(ctx); err != nil {
//			return err
//		}
//	}
//
// Until then the barrier stays broken, and Wait answers ErrBroken. A party that dies in
// Recover no longer counts: what takes its place calls Recover. A barrier that is not broken,
// such as one that Reset has made new, is recovered, and Recover returns at once. Errors:
// ErrClosed; the context's, which takes the caller out and leaves the barrier broken.
func (b *Barrier) Recover(ctx context.Context) error {
	const op = "recover"
	r, err := b.use(op)
	if err != nil {
		return err
	}
	if r == nil {
		return b.h.ask(ctx, op, "recover", nil)
	}
	defer b.leave()
	b.h.publish()
	err = r.Recover(ctx)
	b.h.observe()
	return b.h.fail(op, err)
}

// Reset ends the waits of the parties inside with ErrBroken, and makes the barrier as new; those who wait
// in Recover go on. It is for one party that decides for all: where each resets a barrier that
// it finds broken, use Recover.
func (b *Barrier) Reset() error { return b.end("reset", (*shm.Rendezvous).Reset) }

// Abort breaks the barrier until Reset.
func (b *Barrier) Abort() error { return b.end("abort", (*shm.Rendezvous).Abort) }

// end is Reset and Abort, whose names are those of the coordinator's methods.
func (b *Barrier) end(op string, f func(*shm.Rendezvous) error) error {
	r, err := b.use(op)
	if err != nil {
		return err
	}
	if r == nil {
		return b.h.tell(op, op, nil)
	}
	defer b.leave()
	return b.h.fail(op, f(r))
}

// Parties is how many the barrier waits for; 0 once the handle is closed.
func (b *Barrier) Parties() int {
	r, err := b.use("parties")
	switch {
	case err != nil:
		return 0
	case r == nil:
		return int(b.h.r.known().Uint())
	}
	defer b.leave()
	return r.Parties()
}

// Waiting is how many wait now; 0 once the handle is closed.
func (b *Barrier) Waiting() (n int) {
	const op = "waiting"
	r, err := b.use(op)
	switch {
	case err != nil:
		return 0
	case r == nil:
		_ = b.h.look(op, "waiting", intoInt(&n))
		return n
	}
	defer b.leave()
	return r.Waiting()
}

// Broken reports that the barrier is broken; false once the handle is closed.
func (b *Barrier) Broken() (broken bool) {
	const op = "broken"
	r, err := b.use(op)
	switch {
	case err != nil:
		return false
	case r == nil:
		_ = b.h.look(op, "broken", intoBool(&broken))
		return broken
	}
	defer b.leave()
	return r.Broken()
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (b *Barrier) UnmarshalCBOR(data []byte) error { return b.attach(data, "Barrier", b.reopen) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (b *Barrier) UnmarshalJSON(data []byte) error { return b.attach(data, "Barrier", b.reopen) }
