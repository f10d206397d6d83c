package served

import (
	"fmt"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

type array struct {
	elements
	n uint64
}

var arrayMethods = withLock(func(a *array) *mutex { return &a.mutex }, map[string]method[*array]{
	"load":  {(*array).load, instant},
	"store": {(*array).store, instant},
	"add":   {(*array).add, instant},
	"read":  {(*array).read, instant},
	"write": {(*array).write, instant},
})

func openArray(o *opening) (coord.Opened, error) {
	spec, err := o.arraySpec()
	if err != nil {
		return coord.Opened{}, err
	}
	obj, created, err := o.attach(spec)
	if err != nil {
		return coord.Opened{}, err
	}
	size, err := elementSize(obj.Type)
	if err == nil && (obj.Param > maxElement/max(size, 1) || shm.ArrayPayload(size, obj.Param) > obj.Size) {
		err = fmt.Errorf("%d elements of type %s in %d bytes: %w", obj.Param, obj.Type, obj.Size, errs.ErrCorrupt)
	}
	if err != nil {
		_ = obj.Close(o.ctx)
		return coord.Opened{}, err
	}
	a := &array{o.elementsOf(obj, shm.RawArray(obj, size), size), obj.Param}
	details := coord.AppendUint(coord.AppendUint(coord.AppendArray(nil, 2), obj.Param), size)
	return opened(o, obj, created, a, arrayMethods, nil, details), nil
}

// arraySpec is what the parameters ask for.
func (o *opening) arraySpec() (s shm.Spec, err error) {
	if !o.creates(3) {
		return s, o.paramErr()
	}
	n := o.params.Uint()
	size, initial, err := o.element()
	if err != nil {
		return s, err
	}
	if n > maxElement/max(size, 1) {
		return s, fmt.Errorf("%w: %d elements of %d bytes", errs.ErrTooLarge, n, size)
	}
	if have := uint64(len(initial)); have > n*size || size != 0 && have%size != 0 {
		return s, fmt.Errorf("%w: %d bytes to begin with, for %d elements of %d bytes", errs.ErrType, have, n, size)
	}
	s.Param, s.Payload = n, shm.ArrayPayload(size, n)
	s.Init = func(p []byte) { shm.InitRaw(shm.Array, size, p, initial) }
	s.Describe = func(n uint64, _ uint32) string { return fmt.Sprintf("%d elements", n) }
	return s, nil
}

// index reads the index of the first of n elements.
func (a *array) index(i, n uint64) error {
	if i > a.n || n > a.n-i {
		return fmt.Errorf("%w: elements %d to %d of %d", errs.ErrNotFound, i, i+n, a.n)
	}
	return nil
}

func (a *array) load(c *call) error {
	c.args.Args(1)
	i := c.args.Uint()
	err := c.args.Err()
	if err == nil {
		err = a.index(i, 1)
	}
	if err != nil {
		return err
	}
	return a.reply(c, i, 1)
}

func (a *array) store(c *call) error {
	c.args.Args(2)
	i := c.args.Uint()
	b, err := a.element(&c.args)
	if err == nil {
		err = a.index(i, 1)
	}
	if err != nil {
		return err
	}
	a.raw.Write(i, b)
	return c.null()
}

func (a *array) add(c *call) error {
	c.args.Args(3)
	i := c.args.Uint()
	if err := c.args.Err(); err != nil {
		return err
	}
	if err := a.index(i, 1); err != nil {
		return err
	}
	return a.addAt(c, i)
}

func (a *array) read(c *call) error {
	c.args.Args(2)
	i, n := c.args.Uint(), c.args.Uint()
	err := c.args.Err()
	if err == nil {
		err = a.index(i, n)
	}
	if err != nil {
		return err
	}
	return a.reply(c, i, n)
}

func (a *array) write(c *call) error {
	c.args.Args(2)
	i, b := c.args.Uint(), c.args.Bytes()
	if err := c.args.Err(); err != nil {
		return err
	}
	n := uint64(0)
	switch have := uint64(len(b)); {
	case a.size == 0 && have != 0, a.size != 0 && have%a.size != 0:
		return fmt.Errorf("%w: %d bytes are no elements of %d", errs.ErrType, have, a.size)
	case a.size != 0:
		n = have / a.size
	}
	if err := a.index(i, n); err != nil {
		return err
	}
	a.raw.Write(i, b)
	return c.null()
}
