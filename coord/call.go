package coord

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/carom-ipc/carom/internal/errs"
)

// call is a caller that waits for a reply.
type call struct {
	id   uint64
	wake chan struct{} // of capacity 1: look again, you are answered or may lead

	// Guarded by Client.mu.
	dst  []byte
	err  error
	done bool
}

var callPool = sync.Pool{New: func() any { return &call{wake: make(chan struct{}, 1)} }}

// nudge makes the caller look at its state again. It never blocks, and one
// token is enough.
func (w *call) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// recycle must not be called while anybody may still nudge w.
func (w *call) recycle() {
	select {
	case <-w.wake:
	default:
	}
	*w = call{wake: w.wake}
	callPool.Put(w)
}

// Call runs a method of the object that handle stands for. args is the CBOR
// array of its arguments; the result is appended to dst as one CBOR item, so a
// caller that reuses both does not allocate. args is not kept.
func (c *Client) Call(ctx context.Context, handle uint64, method string, args, dst []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return dst, err
	}
	if n := len(args) + len(method) + requestOverhead; n > c.frame {
		return dst, fmt.Errorf("%w: a request of %d bytes, the limit is %d", errs.ErrTooLarge, n, c.frame)
	}
	// Requests of callers that gave up must not pile up before a coordinator
	// that does not read.
	if c.t.queued() > maxQueued {
		if err := c.t.drained(ctx, maxQueued); err != nil && ctx.Err() != nil {
			return dst, ctx.Err()
		}
	}
	w := callPool.Get().(*call)
	w.dst = dst
	c.mu.Lock()
	if c.err != nil {
		err := c.err
		c.mu.Unlock()
		w.recycle()
		return dst, err
	}
	c.lastID++
	w.id = c.lastID
	c.calls[w.id] = w
	c.post(w.id, handle, method, args) // under the lock: ids grow on the wire
	c.mu.Unlock()
	c.t.flush()
	return c.await(ctx, w)
}

const (
	requestOverhead = 64      // more than the envelope takes beside its parts
	maxQueued       = 8 << 20 // bytes of requests that the kernel has not taken
)

var framePool = sync.Pool{New: func() any { return new([]byte) }}

// post queues a request.
func (c *Client) post(id, handle uint64, method string, args []byte) {
	buf := framePool.Get().(*[]byte)
	frame := appendRequest(beginFrame((*buf)[:0]), id, handle, method, args)
	frame, _ = endFrame(frame, 0, maxFrame) // Call has checked the size
	if kept := c.t.add(frame); !kept && cap(frame) <= keepBuffer {
		*buf = frame
	}
	framePool.Put(buf)
}

// notify makes a request of the coordinator that has no reply.
func (c *Client) notify(method string, args []byte) {
	c.mu.Lock()
	if c.err == nil {
		c.post(0, serverObject, method, args)
	}
	c.mu.Unlock()
	c.t.flush()
}

// await returns the reply to w, reading it if nobody else does.
func (c *Client) await(ctx context.Context, w *call) ([]byte, error) {
	c.mu.Lock()
	for !w.done {
		switch {
		case ctx.Err() != nil:
			c.abandon(w)
			dst := w.dst
			c.mu.Unlock()
			c.t.flush()
			w.recycle()
			return dst, ctx.Err()
		case !c.reading:
			c.reading = true
			c.mu.Unlock()
			c.lead(ctx, w)
			c.mu.Lock()
			c.reading = false
		default:
			c.mu.Unlock()
			select {
			case <-w.wake:
			case <-ctx.Done():
			}
			c.mu.Lock()
		}
	}
	c.elect()
	dst, err := w.dst, w.err
	c.mu.Unlock()
	w.recycle()
	return dst, err
}

// abandon gives up on w's reply and asks the coordinator not to bother. The
// reply comes all the same, and somebody has to take it off the connection.
// c.mu is held.
func (c *Client) abandon(w *call) {
	delete(c.calls, w.id)
	if c.err == nil {
		c.abandoned[w.id] = struct{}{}
		c.post(0, serverObject, "cancel", AppendUint(AppendArray(nil, 1), w.id))
	}
	c.elect()
}

// shut ends the client: err is what all callers get, now and later. Only the
// first one counts.
func (c *Client) shut(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	close(c.done)
	if !errors.Is(err, errs.ErrClosed) {
		c.log.Warn("connection to the coordinator lost", "error", err)
	}
	for _, w := range c.calls {
		w.err, w.done = err, true
		w.nudge()
	}
	clear(c.calls)
	clear(c.abandoned)
}

// lost is the error for a connection that ended by itself.
func lost(err error) error {
	if errors.Is(err, errs.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: connection lost: %w", errs.ErrUnavailable, err)
}
