package carom

import (
	"context"
	"fmt"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/shm"
)

// Semaphore is a number of units that processes take and give back.
//
// The units of a plain Semaphore are signals: any process may release more than it
// acquired, and what a process acquired stays acquired when it dies. With the option
// Permits, and in a BoundedSemaphore, they are permits: what a dead process held comes
// back. Waiters are served in the order in which they came.
//
// Close releases nothing: permits are the process's, and come back when it releases them by
// another handle, or ends. A Close that overlaps with Acquire or Release of the same handle
// is the program's own race, as they may be one instruction each: they may or may not take
// place.
type Semaphore struct{ base[shm.Units] }

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
	return opened(s, s.reopen(m, name))
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
	return opened(s, s.reopen(m, name))
}

func (s *Semaphore) reopen(m *Manager, name string) error {
	return s.open(m, "open", shm.Semaphore, name, 0, nil)
}

func (s *BoundedSemaphore) reopen(m *Manager, name string) error {
	return s.open(m, "open", shm.BoundedSemaphore, name, 0, nil)
}

func (s *Semaphore) open(m *Manager, op string, kind shm.Kind, name string, n int, opts []Option) error {
	o, err := readOptions(kind.String(), opts)
	if err == nil && (n < 0 || n > shm.SemaphoreMax) {
		err = fmt.Errorf("%w: %d units, want 0 to %d", ErrType, n, shm.SemaphoreMax)
	}
	if err != nil {
		return opError(op, kind.String(), name, err)
	}
	flags := uint16(0)
	switch {
	case kind == shm.BoundedSemaphore:
		flags = shm.SemaphorePermits | shm.SemaphoreBounded
	case o.permits:
		flags = shm.SemaphorePermits
	}
	w := wanted{op: op, spec: shm.SemaphoreSpec(kind, name, uint32(n), flags)}
	w.spec.Exclusive, w.spec.Any = o.exclusive, op == "open"
	w.spec.Describe = func(n uint64, flags uint32) string {
		return fmt.Sprintf("%d units, permits %t", n, flags&shm.SemaphorePermits != 0)
	}
	switch {
	case !isServed(m):
	case kind == shm.BoundedSemaphore:
		w.params = coord.AppendUint(coord.AppendArray(nil, 1), uint64(n))
	default:
		w.params = coord.AppendBool(coord.AppendUint(coord.AppendArray(nil, 2), uint64(n)), o.permits)
	}
	h, err := openShared(m, w)
	if err != nil {
		return err
	}
	if s.h = h; h.obj != nil {
		s.bind(h, shm.UnitsOf(h.obj), nil)
	}
	return nil
}

// Acquire takes a unit, and waits for one until ctx ends. Errors: ErrClosed, the
// context's; no unit is taken then.
func (s *Semaphore) Acquire(ctx context.Context) error {
	if !shm.Race {
		if u := s.local.Load(); u != nil && u.TryTake() {
			return nil
		}
	}
	return s.acquireSlow(ctx, "acquire", true)
}

// TryAcquire is Acquire without waiting: ErrLocked if there is no unit.
func (s *Semaphore) TryAcquire() error {
	return s.acquireSlow(context.Background(), "try acquire", false)
}

func (s *Semaphore) acquireSlow(ctx context.Context, op string, wait bool) error {
	u, err := s.use(op)
	switch {
	case err != nil:
		return err
	case u == nil && wait:
		return s.h.ask(ctx, op, "acquire", nil)
	case u == nil:
		return s.h.tell(op, "tryacquire", nil)
	}
	err = u.Acquire(ctx, wait)
	s.h.observe()
	s.leave()
	if err != nil {
		return s.h.fail(op, err)
	}
	return nil
}

// Release gives a unit back, or as many as n says. Any process may release what another
// acquired. Errors: ErrOverRelease if there would be more than at first (bounded) or than
// 2147483647, or for a negative n; nothing is released then.
func (s *Semaphore) Release(n ...int) error {
	if len(n) == 0 {
		if !shm.Race {
			if u := s.local.Load(); u != nil && u.TryGive(1) {
				return nil
			}
		}
		return s.release(1)
	}
	total := 0
	for _, k := range n {
		if k < 0 || total+k > shm.SemaphoreMax {
			return s.h.fail("release", fmt.Errorf("%d units: %w", k, ErrOverRelease))
		}
		total += k
	}
	return s.release(total)
}

func (s *Semaphore) release(n int) error {
	const op = "release"
	u, err := s.use(op)
	if err != nil {
		return err
	}
	if u == nil {
		return s.h.tell(op, "release", nil, uint64(n))
	}
	s.h.publish()
	err = u.Release(uint32(n))
	s.leave()
	return s.h.fail(op, err)
}

// Value is how many units can be taken now; 0 once the handle is closed.
func (s *Semaphore) Value() (n int) {
	const op = "value"
	u, err := s.use(op)
	switch {
	case err != nil:
		return 0
	case u == nil:
		_ = s.h.look(op, "value", intoInt(&n))
		return n
	}
	defer s.leave()
	return u.Value()
}

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (s *Semaphore) UnmarshalCBOR(b []byte) error { return s.attach(b, "Semaphore", s.reopen) }

// UnmarshalJSON attaches the handle, through the manager that it names.
func (s *Semaphore) UnmarshalJSON(b []byte) error { return s.attach(b, "Semaphore", s.reopen) }

// UnmarshalCBOR attaches the handle, through the manager that it names.
func (s *BoundedSemaphore) UnmarshalCBOR(b []byte) error {
	return s.attach(b, "BoundedSemaphore", s.reopen)
}

// UnmarshalJSON attaches the handle, through the manager that it names.
func (s *BoundedSemaphore) UnmarshalJSON(b []byte) error {
	return s.attach(b, "BoundedSemaphore", s.reopen)
}
