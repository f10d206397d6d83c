package served

import (
	"fmt"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

type semaphore struct {
	units *shm.Units
	obj   *shm.Handle
}

var semaphoreMethods = map[string]method[*semaphore]{
	"acquire":    {(*semaphore).acquire, eventful},
	"tryacquire": {(*semaphore).tryAcquire, brief},
	"release":    {(*semaphore).release, brief},
	"value":      {(*semaphore).value, instant},
}

// openSemaphore opens a semaphore, or a bounded one, whose units are permits unless it is
// said that they are not.
func openSemaphore(o *opening) (coord.Opened, error) {
	params := 2
	if o.number == shm.BoundedSemaphore {
		params = 1
	}
	units, flags := uint64(0), uint16(0)
	if o.creates(params) {
		units = o.params.Uint()
		if params == 1 {
			flags = shm.SemaphoreBounded
		}
		if params == 1 && !o.params.More() || o.params.Bool() {
			flags |= shm.SemaphorePermits
		}
	}
	err := o.paramErr()
	if err == nil {
		err = o.untyped()
	}
	if err == nil && units > shm.SemaphoreMax {
		err = fmt.Errorf("%w: %d units, the most are %d", errs.ErrType, units, shm.SemaphoreMax)
	}
	if err != nil {
		return coord.Opened{}, err
	}
	spec := shm.SemaphoreSpec(o.number, o.name, uint32(units), flags)
	spec.Describe = func(n uint64, flags uint32) string {
		return fmt.Sprintf("%d units, permits %t", n, flags&shm.SemaphorePermits != 0)
	}
	obj, created, err := o.attach(spec)
	if err != nil {
		return coord.Opened{}, err
	}
	details := coord.AppendUint(coord.AppendArray(nil, 2), obj.Param)
	details = coord.AppendBool(details, obj.Flags&shm.SemaphorePermits != 0)
	s := &semaphore{shm.UnitsOf(obj), obj}
	return opened(o, obj, created, s, semaphoreMethods, nil, details), nil
}

func (s *semaphore) acquire(c *call) error { return s.take(c, c.wait) }

func (s *semaphore) tryAcquire(c *call) error { return s.take(c, false) }

func (s *semaphore) take(c *call, wait bool) error {
	if err := c.nothing(); err != nil {
		return err
	}
	if err := s.units.Acquire(c.ctx, wait); err != nil {
		return err
	}
	s.obj.Acquire()
	return c.null()
}

func (s *semaphore) release(c *call) error {
	c.args.Args(1)
	n := c.args.Uint()
	if err := c.args.Err(); err != nil {
		return err
	}
	if n > shm.SemaphoreMax {
		return fmt.Errorf("%d units: %w", n, errs.ErrOverRelease)
	}
	s.obj.Release()
	if err := s.units.ReleaseContext(c.ctx, uint32(n)); err != nil {
		return err
	}
	return c.null()
}

func (s *semaphore) value(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	c.dst = coord.AppendInt(c.dst, int64(s.units.Value()))
	return nil
}
