package carom

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/carom-ipc/carom/shm"
)

// Semaphore is a number of units that processes take and give back.
//
// The units of a plain Semaphore are signals: any process may release more than it
// acquired, and what a process acquired stays acquired when it dies. With the option
// Permits, and in a BoundedSemaphore, they are permits: what a dead process held comes
// back. Waiters are served in the order in which they came.
type Semaphore struct {
	units atomic.Pointer[shm.Units] // nil once closed
	h     *handle
}

// BoundedSemaphore is a Semaphore of permits that never has more than at first.
type BoundedSemaphore struct{ Semaphore }

// NewSemaphore makes sure that there is a semaphore called name with n units at first,
// and attaches to it. "" asks for a name of its own. Options: Permits, Exclusive. Errors:
// ErrType if n is negative or beyond 2147483647, or if the name belongs to something else
// or to another n; ErrExists with Exclusive; ErrNoMemory.
func NewSemaphore(m *Manager, name string, n int, opts ...Option) (*Semaphore, error) {
	s := new(Semaphore)
	return opened(s, s.open(m, "new", shm.Semaphore, name, n, opts))
}

// OpenSemaphore attaches to the semaphore called name. ErrNotFound: there is none.
func OpenSemaphore(m *Manager, name string) (*Semaphore, error) {
	s := new(Semaphore)
	return opened(s, s.open(m, "open", shm.Semaphore, name, 0, nil))
}

// NewBoundedSemaphore makes sure that there is a bounded semaphore called name with n
// permits, and attaches to it. Option: Exclusive. Errors: as NewSemaphore's.
func NewBoundedSemaphore(m *Manager, name string, n int, opts ...Option) (*BoundedSemaphore, error) {
	s := new(BoundedSemaphore)
	return opened(s, s.open(m, "new", shm.BoundedSemaphore, name, n, opts))
}

// OpenBoundedSemaphore attaches to the bounded semaphore called name. ErrNotFound: there
// is none.
func OpenBoundedSemaphore(m *Manager, name string) (*BoundedSemaphore, error) {
	s := new(BoundedSemaphore)
	return opened(s, s.open(m, "open", shm.BoundedSemaphore, name, 0, nil))
}

func (s *Semaphore) open(m *Manager, op string, kind shm.Kind, name string, n int, opts []Option) error {
	h := &handle{kind: kind, name: name}
	o, err := readOptions(kind, opts)
	if err == nil && (n < 0 || n > shm.SemaphoreMax) {
		err = fmt.Errorf("%w: %d units, want 0 to %d", ErrType, n, shm.SemaphoreMax)
	}
	if err != nil {
		return h.wrap(op, err)
	}
	flags := uint16(0)
	switch {
	case kind == shm.BoundedSemaphore:
		flags = shm.SemaphorePermits | shm.SemaphoreBounded
	case o.permits:
		flags = shm.SemaphorePermits
	}
	if m.isRemote() {
		s.h, err = openRemoteHandle(m, op, kind, name, "", o.exclusive, semaphoreParams(kind, n, o))
		return err
	}
	spec := shm.SemaphoreSpec(kind, name, uint32(n), flags)
	spec.Exclusive, spec.OpenOnly, spec.Any = o.exclusive, op == "open", op == "open"
	spec.Describe = func(n uint64, flags uint32) string {
		return fmt.Sprintf("%d units, permits %t", n, flags&shm.SemaphorePermits != 0)
	}
	if h, _, err = openHandle(m, op, spec); err != nil {
		return err
	}
	s.h = h
	s.units.Store(shm.UnitsOf(h.obj))
	h.bind(func() { s.units.Store(nil) })
	return nil
}

// use is where the semaphore is; nil without an error where that is at the coordinator.
func (s *Semaphore) use(op string) (*shm.Units, error) {
	if s == nil {
		return nil, (*handle)(nil).away(shm.Semaphore, op)
	}
	if u := s.units.Load(); u != nil {
		return u, nil
	}
	return nil, s.h.away(shm.Semaphore, op)
}

// Acquire takes a unit, and waits for one until ctx ends. Errors: ErrClosed, the
// context's; no unit is taken then.
func (s *Semaphore) Acquire(ctx context.Context) error { return s.acquire(ctx, "acquire", true) }

// TryAcquire is Acquire without waiting: ErrLocked if there is no unit.
func (s *Semaphore) TryAcquire() error {
	return s.acquire(context.Background(), "try acquire", false)
}

func (s *Semaphore) acquire(ctx context.Context, op string, wait bool) error {
	u, err := s.use(op)
	if err != nil {
		return err
	}
	if u == nil {
		return s.acquireRemote(ctx, op, wait)
	}
	if err := u.Acquire(ctx, wait); err != nil {
		return s.h.wrap(op, err)
	}
	s.h.obj.Acquire()
	return nil
}

// Release gives a unit back, or as many as n says. Any process may release what another
// acquired. Errors: ErrOverRelease if there would be more than at first (bounded) or than
// 2147483647, or for a negative n; nothing is released then.
func (s *Semaphore) Release(n ...int) error {
	u, err := s.use("release")
	if err != nil {
		return err
	}
	total := 1
	if len(n) > 0 {
		total = 0
		for _, k := range n {
			if k < 0 || total+k > shm.SemaphoreMax {
				return s.h.wrap("release", fmt.Errorf("%d units: %w", k, ErrOverRelease))
			}
			total += k
		}
	}
	if u == nil {
		return s.h.tell("release", "release", nil, uint64(total))
	}
	s.h.obj.Release()
	return s.h.wrap("release", u.Release(uint32(total)))
}

// Value is how many units can be taken now; 0 once the handle is closed.
func (s *Semaphore) Value() int {
	u, err := s.use("value")
	if err != nil {
		return 0
	}
	if u == nil {
		return s.valueRemote()
	}
	return u.Value()
}

// Name is the name by which other processes open the semaphore.
func (s *Semaphore) Name() string {
	if s == nil {
		return ""
	}
	return s.h.nameOf()
}

// Err says why the last Value was 0: ErrClosed; on a remote handle also what the round
// trip failed with; or nil.
func (s *Semaphore) Err() error {
	u, err := s.use("use")
	if u == nil && err == nil {
		return s.h.lastErr()
	}
	return err
}

// Close detaches this handle. It releases nothing: permits are the process's, and come back
// when it releases them by another handle, or ends.
func (s *Semaphore) Close() error {
	if _, err := s.use("close"); err != nil {
		return err
	}
	return s.h.close(s.h.kind)
}

// MarshalCBOR encodes the handle: its manager, kind and name.
func (s *Semaphore) MarshalCBOR() ([]byte, error) {
	if s == nil {
		return cborNull, nil
	}
	return marshalHandle(s.h)
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (s *Semaphore) UnmarshalCBOR(b []byte) error { return s.unmarshal(b, shm.Semaphore) }

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (s *BoundedSemaphore) UnmarshalCBOR(b []byte) error {
	return s.unmarshal(b, shm.BoundedSemaphore)
}

func (s *Semaphore) unmarshal(b []byte, kind shm.Kind) error {
	m, name, err := unmarshalHandle(b, kind)
	if err != nil {
		return err
	}
	return s.open(m, "open", kind, name, 0, nil)
}

// MarshalCBOR encodes the handle: its manager, kind and name.
func (s *BoundedSemaphore) MarshalCBOR() ([]byte, error) {
	if s == nil {
		return cborNull, nil
	}
	return s.Semaphore.MarshalCBOR()
}
