package carom

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/carom-ipc/carom/shm"
)

// Barrier lets a fixed number of parties wait for each other, again and again. It
// breaks, and sends everybody away with ErrBroken until Reset, when a party dies in Wait,
// when one's time is over, or when the action fails.
type Barrier struct {
	b       atomic.Pointer[shm.Rendezvous] // nil once closed
	action  func() error
	timeout time.Duration
	h       *handle
}

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
	return opened(b, b.open(m, "open", name, 1, nil))
}

func (b *Barrier) open(m *Manager, op, name string, parties int, opts []Option) error {
	h := &handle{kind: shm.Barrier, name: name}
	o, err := readOptions(shm.Barrier, opts)
	if err == nil && (parties < 1 || parties > 1<<20) {
		err = fmt.Errorf("%w: %d parties, want 1 to %d", ErrType, parties, 1<<20)
	}
	if err != nil {
		return h.wrap(op, err)
	}
	if m.isRemote() {
		b.action, b.timeout = o.action, o.timeout
		b.h, err = openRemoteHandle(m, op, shm.Barrier, name, "", o.exclusive, barrierParams(parties))
		return err
	}
	spec := shm.BarrierSpec(name, uint32(parties))
	spec.Exclusive, spec.OpenOnly, spec.Any = o.exclusive, op == "open", op == "open"
	spec.Describe = func(n uint64, _ uint32) string { return fmt.Sprintf("%d parties", n) }
	if h, _, err = openHandle(m, op, spec); err != nil {
		return err
	}
	b.h, b.action, b.timeout = h, o.action, o.timeout
	b.b.Store(shm.RendezvousOf(h.obj))
	h.bind(func() { b.b.Store(nil) })
	return nil
}

// use is where the barrier is; nil without an error where that is at the coordinator.
func (b *Barrier) use(op string) (*shm.Rendezvous, error) {
	if b == nil {
		return nil, (*handle)(nil).away(shm.Barrier, op)
	}
	if r := b.b.Load(); r != nil {
		return r, nil
	}
	return nil, b.h.away(shm.Barrier, op)
}

// Wait waits for the other parties, and returns the order of arrival: 0 for the first,
// parties-1 for the last, who runs the action before the others are released. Errors:
// ErrBroken; the action's, in the one who ran it; ErrClosed. When ctx's deadline or the
// BarrierTimeout passes, the barrier breaks, and errors.Is finds both ErrBroken and
// context.DeadlineExceeded; a cancelled ctx takes only the caller out. Who comes while
// another's action runs belongs to the next round: its deadline breaks nothing before that.
func (b *Barrier) Wait(ctx context.Context) (index int, err error) {
	r, err := b.use("wait")
	if err != nil {
		return 0, err
	}
	if _, has := ctx.Deadline(); b.timeout > 0 && !has {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, b.timeout)
		defer cancel()
	}
	if r == nil {
		return b.waitRemote(ctx)
	}
	b.h.obj.Release()
	index, err = r.Wait(ctx, b.action)
	b.h.obj.Acquire()
	return index, b.h.wrapBarrier("wait", err)
}

// Reset sends those who wait away with ErrBroken, and makes the barrier as new.
func (b *Barrier) Reset() error {
	r, err := b.use("reset")
	if err != nil {
		return err
	}
	if r == nil {
		return b.h.tell("reset", "reset", nil)
	}
	return b.h.wrap("reset", r.Reset())
}

// Abort breaks the barrier until Reset.
func (b *Barrier) Abort() error {
	r, err := b.use("abort")
	if err != nil {
		return err
	}
	if r == nil {
		return b.h.tell("abort", "abort", nil)
	}
	return b.h.wrap("abort", r.Abort())
}

// Parties is how many the barrier waits for; 0 once the handle is closed.
func (b *Barrier) Parties() int {
	r, err := b.use("parties")
	if err != nil {
		return 0
	}
	if r == nil {
		return int(b.h.details().Uint())
	}
	return r.Parties()
}

// Waiting is how many wait now.
func (b *Barrier) Waiting() int {
	r, err := b.use("waiting")
	if err != nil {
		return 0
	}
	if r == nil {
		return b.waitingRemote()
	}
	return r.Waiting()
}

// Broken reports that the barrier is broken.
func (b *Barrier) Broken() bool {
	r, err := b.use("broken")
	if r == nil && err == nil {
		return b.brokenRemote()
	}
	return err == nil && r.Broken()
}

// Name is the name by which other processes open the barrier.
func (b *Barrier) Name() string {
	if b == nil {
		return ""
	}
	return b.h.nameOf()
}

// Err says why the last method without an error could not do its work: ErrClosed; on a
// remote handle also what the round trip failed with; or nil if it could.
func (b *Barrier) Err() error {
	r, err := b.use("use")
	if r == nil && err == nil {
		return b.h.lastErr()
	}
	return err
}

// Close detaches this handle.
func (b *Barrier) Close() error {
	if _, err := b.use("close"); err != nil {
		return err
	}
	return b.h.close(shm.Barrier)
}

// MarshalCBOR encodes the handle: its manager, kind and name. The action and the timeout
// stay.
func (b *Barrier) MarshalCBOR() ([]byte, error) {
	if b == nil {
		return cborNull, nil
	}
	return marshalHandle(b.h)
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (b *Barrier) UnmarshalCBOR(bytes []byte) error {
	m, name, err := unmarshalHandle(bytes, shm.Barrier)
	if err != nil {
		return err
	}
	return b.open(m, "open", name, 1, nil)
}
