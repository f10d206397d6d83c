package served

import (
	"fmt"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// byteQueue is a queue whose items are blocks, which local processes do not copy.
type byteQueue struct {
	items *shm.Items // gives no item that does not fit into a frame
	limit int        // bytes of an item in a frame
	obj   *shm.Handle
}

var byteQueueMethods = map[string]method[*byteQueue]{
	"put":        {func(q *byteQueue, c *call) error { return q.put(c, c.wait) }, eventful},
	"tryput":     {func(q *byteQueue, c *call) error { return q.put(c, false) }, brief},
	"get":        {func(q *byteQueue, c *call) error { return q.get(c, c.wait) }, eventful},
	"tryget":     {func(q *byteQueue, c *call) error { return q.get(c, false) }, brief},
	"closewrite": {(*byteQueue).closeWrite, brief},
	"len":        {(*byteQueue).len, instant},
	"reserve":    {(*byteQueue).reserve, brief},
}

func openByteQueue(o *opening) (coord.Opened, error) {
	params := o.creates(1)
	if err := o.untyped(); err != nil {
		return coord.Opened{}, err
	}
	obj, items, created, err := o.attachItems(params)
	if err != nil {
		return coord.Opened{}, err
	}
	limit := itemLimit(o.sess)
	q := &byteQueue{items: items.Within(limit), limit: limit, obj: obj}
	details := coord.AppendUint(coord.AppendArray(nil, 1), obj.Param)
	return opened(o, obj, created, q, byteQueueMethods, nil, details), nil
}

func (q *byteQueue) put(c *call, wait bool) error {
	c.args.Args(1)
	item := c.args.Bytes()
	if err := c.args.Err(); err != nil {
		return err
	}
	switch {
	case q.items.Closed():
		return errs.ErrClosed
	case !wait && q.items.Full():
		return errs.ErrFull
	}
	block, buf, err := q.items.Reserve(c.ctx, len(item))
	if err != nil {
		return err
	}
	copy(buf, item)
	q.obj.Release()
	if err := q.items.Commit(c.ctx, block, len(item), wait); err != nil {
		_ = q.items.Drop(block)
		return err
	}
	return c.null()
}

func (q *byteQueue) get(c *call, wait bool) error {
	if err := c.nothing(); err != nil {
		return err
	}
	block, view, err := q.items.Receive(c.ctx, wait)
	if err != nil {
		return err
	}
	q.obj.Acquire()
	c.dst = coord.AppendBytes(c.dst, view)
	return q.items.Drop(block)
}

// reserve says whether an item of a size could be put.
func (q *byteQueue) reserve(c *call) error {
	c.args.Args(1)
	size := c.args.Uint()
	if err := c.args.Err(); err != nil {
		return err
	}
	switch {
	case q.items.Closed():
		return errs.ErrClosed
	case size > uint64(q.limit):
		return fmt.Errorf("%w: an item of %d bytes does not fit into a frame", errs.ErrTooLarge, size)
	}
	block, _, err := q.items.Reserve(c.ctx, int(size))
	if err != nil {
		return err
	}
	if err := q.items.Drop(block); err != nil {
		return err
	}
	return c.null()
}

func (q *byteQueue) closeWrite(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	if err := q.items.CloseWrite(c.ctx); err != nil {
		return err
	}
	return c.null()
}

func (q *byteQueue) len(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	c.dst = coord.AppendInt(c.dst, int64(q.items.Len()))
	return nil
}
