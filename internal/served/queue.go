package served

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

type queue struct {
	items *shm.Items // gives no item that does not fit into a frame
	limit int        // bytes of a reply's value
	size  uint64     // of an item; 0: of any size
	obj   *shm.Handle

	mu     sync.Mutex
	claims []shm.Claim // taken by this handle and not confirmed, the oldest first
}

var queueMethods = map[string]method[*queue]{
	"put":        {func(q *queue, c *call) error { return q.put(c, c.wait) }, eventful},
	"tryput":     {func(q *queue, c *call) error { return q.put(c, false) }, brief},
	"putmany":    {(*queue).putMany, lingering},
	"get":        {func(q *queue, c *call) error { return q.get(c, c.wait) }, eventful},
	"tryget":     {func(q *queue, c *call) error { return q.get(c, false) }, brief},
	"getmany":    {(*queue).getMany, eventful},
	"closewrite": {(*queue).closeWrite, brief},
	"taskdone":   {(*queue).taskDone, brief},
	"join":       {(*queue).join, lingering},
	"len":        {(*queue).len, instant},
}

func openQueue(o *opening) (coord.Opened, error) {
	obj, items, created, err := o.attachItems(o.creates(2))
	if err != nil {
		return coord.Opened{}, err
	}
	q := &queue{items: items.Within(itemLimit(o.sess)), limit: itemLimit(o.sess), obj: obj}
	if size, err := elementSize(obj.Type); err == nil {
		q.size = size
	}
	details := coord.AppendUint(coord.AppendArray(nil, 2), obj.Param)
	return opened(o, obj, created, q, queueMethods, q.giveBack, coord.AppendBool(details, items.Confirms())), nil
}

// attachItems opens the queue of bytes below a queue or a bytequeue. params tells whether to read the
// parameters: a cap and, of a queue, whether its items want to be confirmed.
func (o *opening) attachItems(params bool) (*shm.Handle, *shm.Items, bool, error) {
	limit, confirm := uint64(0), false
	if params {
		limit = o.params.Uint()
		confirm = o.number == shm.Queue && o.params.Bool()
	}
	if err := o.paramErr(); err != nil {
		return nil, nil, false, err
	}
	if limit > math.MaxInt64 {
		return nil, nil, false, fmt.Errorf("%w: a cap of %d", errs.ErrType, limit)
	}
	obj, created, err := o.attach(shm.QueueSpec(o.number, o.name, o.typ, int(limit), confirm))
	if err != nil {
		return nil, nil, false, err
	}
	return obj, shm.ItemsOf(obj), created, nil
}

// replyOverhead is more than a reply takes beside its value, and a byte string beside its
// bytes.
const replyOverhead = 64

// headOfBytes is the most that a byte string takes beside its bytes.
const headOfBytes = 9

func itemLimit(sess *coord.Session) int { return sess.FrameLimit() - replyOverhead }

// giveBack gives back what this handle took and did not confirm.
func (q *queue) giveBack() {
	q.mu.Lock()
	claims := q.claims
	q.claims = nil
	q.mu.Unlock()
	for _, claim := range slices.Backward(claims) {
		_ = q.items.Return(context.Background(), claim) // fails only if it is not ours any more
	}
}

// item reads an item, and refuses one that another process would take for an element.
func (q *queue) item(r *coord.Reader) ([]byte, error) {
	item := r.Bytes()
	if err := r.Err(); err != nil {
		return nil, err
	}
	if q.size != 0 && uint64(len(item)) != q.size {
		return nil, fmt.Errorf("%w: an item of %d bytes, a %s has %d", errs.ErrType, len(item), q.obj.Type, q.size)
	}
	return item, nil
}

func (q *queue) put(c *call, wait bool) error {
	c.args.Args(1)
	item, err := q.item(&c.args)
	if err != nil {
		return err
	}
	q.obj.Release()
	if err := q.items.Put(c.ctx, nil, item, wait); err != nil {
		return err
	}
	return c.null()
}

// putMany checks all items before it stores the first.
func (q *queue) putMany(c *call) error {
	count := c.args.Array()
	for range count {
		if _, err := q.item(&c.args); err != nil {
			return err
		}
	}
	if err := c.args.Err(); err != nil {
		return err
	}
	again := coord.NewReader(c.raw)
	again.Array()
	q.obj.Release()
	n, err := 0, error(nil)
	for n < count {
		if err = q.items.Put(c.ctx, nil, again.Bytes(), true); err != nil {
			break
		}
		n++
	}
	c.dst = coord.AppendUint(coord.AppendArray(c.dst, 2), uint64(n))
	if err == nil {
		return c.null()
	}
	c.dst = coord.AppendText(coord.AppendArray(c.dst, 2), errs.Code(err))
	c.dst = coord.AppendText(c.dst, err.Error())
	return nil
}

func (q *queue) get(c *call, wait bool) error {
	if err := c.nothing(); err != nil {
		return err
	}
	return q.take(c, q.items, wait)
}

// take appends an item. Room for one that is copied under the queue's lock is found before:
// others wait meanwhile.
func (q *queue) take(c *call, items *shm.Items, wait bool) error {
	room := uint64(shm.MaxInline)
	if q.size != 0 {
		room = min(q.size, room)
	}
	c.dst = slices.Grow(c.dst, headOfBytes+int(room))
	put := func(b []byte) { c.dst = coord.AppendBytes(c.dst, b) }
	claim, err := items.Get(c.ctx, wait, put, put)
	if err != nil {
		return err
	}
	q.obj.Acquire()
	if claim != 0 {
		q.mu.Lock()
		q.claims = append(q.claims, claim)
		q.mu.Unlock()
	}
	return nil
}

// getMany takes what is there, up to a number and what fits into a frame.
func (q *queue) getMany(c *call) error {
	c.args.Args(1)
	most := c.args.Uint()
	if err := c.args.Err(); err != nil {
		return err
	}
	before, n := len(c.dst), uint64(0)
	for n < most {
		left := q.limit - (len(c.dst) - before) - replyOverhead
		if err := q.take(c, q.items.Within(left), c.wait && n == 0); err == nil {
			n++
		} else if n == 0 {
			return err
		} else {
			break // the next call meets it again, if it is not gone by then
		}
	}
	var head [9]byte
	c.dst = slices.Insert(c.dst, before, coord.AppendArray(head[:0], int(n))...)
	return nil
}

func (q *queue) closeWrite(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	if err := q.items.CloseWrite(c.ctx); err != nil {
		return err
	}
	return c.null()
}

func (q *queue) taskDone(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	q.obj.Release()
	if err := q.confirm(c.ctx); err != nil {
		return err
	}
	return c.null()
}

func (q *queue) confirm(ctx context.Context) error {
	if !q.items.Confirms() {
		return q.items.DoneAny()
	}
	q.mu.Lock()
	if len(q.claims) == 0 {
		q.mu.Unlock()
		return fmt.Errorf("%w: the handle has taken nothing that is not confirmed", errs.ErrOverRelease)
	}
	claim := q.claims[0]
	q.claims = q.claims[1:]
	q.mu.Unlock()
	err := q.items.Done(ctx, claim)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) { // it was not done
		q.mu.Lock()
		q.claims = slices.Insert(q.claims, 0, claim)
		q.mu.Unlock()
	}
	return err
}

func (q *queue) join(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	if err := q.items.Join(c.ctx); err != nil {
		return err
	}
	q.obj.Acquire()
	return c.null()
}

func (q *queue) len(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	c.dst = coord.AppendInt(c.dst, int64(q.items.Len()))
	return nil
}
