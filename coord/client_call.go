package coord

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/carom-ipc/carom/internal/errs"
)

// Request is a call in full.
type Request struct {
	Handle uint64
	Method string
	Args   []byte // the CBOR array of the arguments; not kept

	// Session is the Generation that Handle, or a handle among the arguments,
	// belongs to: in another session the call is not made, and ErrStale is the
	// error. 0 is the present one where there is a Handle, else whichever.
	Session uint64

	// Wait has a call whose context ends find out what has become of it. If it
	// had been carried out by then, that counts, and is the result. The context's
	// error says that it has not happened, and is not going to. Where that is not
	// to be learnt, because the connection is gone or the coordinator does not
	// answer for some seconds, the error wraps ErrUnavailable and the context's.
	// Without Wait the call returns at once, and may have been carried out. A context
	// that has ended before lets the call do what takes no waiting.
	Wait bool
	// Patient, with Wait, has the call find out however long that takes, unless the session is
	// lost: for one that acquires something also when it is cancelled.
	Patient bool
	// Late is called, in a goroutine of its own, with the result of a call that
	// was given up but was carried out nevertheless, if that is ever learnt. The
	// end of the session undoes what belongs to it anyway.
	Late func(result []byte)
}

// ErrStale wraps ErrUnavailable: the handle belongs to a session that was lost.
// The call was not carried out.
var ErrStale = fmt.Errorf("%w: the handle belongs to a session that was lost", errs.ErrUnavailable)

// ErrLost wraps ErrUnavailable: the session was lost. The call may have been
// carried out.
var ErrLost = fmt.Errorf("%w: the session was lost; the call may have been carried out", errs.ErrUnavailable)

var (
	errAway     = fmt.Errorf("%w: no connection", errs.ErrUnavailable)
	errNoAnswer = fmt.Errorf("%w: no answer; the call may have been carried out", errs.ErrUnavailable)
)

// call is a caller that waits for a reply.
type call struct {
	id    uint64
	wake  chan struct{} // of capacity 1: look again, you are answered or may lead
	frame []byte        // the request, in case that it must be sent again
	wait  bool
	late  func([]byte)
	// patient goes with wait: see Request.
	patient bool

	// Guarded by Client.mu.
	tied      bool // to the session in which it was made
	sent      bool // the coordinator may have it
	cancelled bool // and a reply is still wanted
	dst       []byte
	err       error
	done      bool
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

// fail answers the call. Client.mu is held.
func (w *call) fail(err error) {
	w.err, w.done = err, true
	w.nudge()
}

// recycle must not be called while anybody may still nudge w.
func (w *call) recycle() {
	select {
	case <-w.wake:
	default:
	}
	frame := w.frame[:0]
	if cap(frame) > keepBuffer { // a transport may have it
		frame = nil
	}
	*w = call{wake: w.wake, frame: frame}
	callPool.Put(w)
}

// Call runs a method of the object that handle stands for. args is the CBOR
// array of its arguments; the result is appended to dst as one CBOR item, so a
// caller that reuses both does not allocate. args is not kept.
func (c *Client) Call(ctx context.Context, handle uint64, method string, args, dst []byte) ([]byte, error) {
	return c.Do(ctx, Request{Handle: handle, Method: method, Args: args}, dst)
}

// Do is Call with all that can be said about it.
func (c *Client) Do(ctx context.Context, q Request, dst []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil && !q.Wait {
		return dst, err
	}
	w := callPool.Get().(*call)
	w.dst, w.wait, w.patient, w.late = dst, q.Wait, q.Patient, q.Late
	l, err := c.post(ctx, w, q)
	if err != nil {
		w.recycle()
		return dst, err
	}
	if l != nil {
		l.t.flush()
	}
	return c.await(ctx, w)
}

const (
	requestOverhead = 64      // more than the envelope takes beside its parts
	maxQueued       = 8 << 20 // bytes of requests that the kernel has not taken
)

// post makes the request, and queues it if there is a connection, which it
// returns.
func (c *Client) post(ctx context.Context, w *call, q Request) (*link, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Requests of callers that gave up must not pile up before a coordinator
	// that does not read.
	for c.link != nil && c.link.t.queued() > maxQueued {
		t := c.link.t
		c.mu.Unlock()
		err := t.drained(ctx, maxQueued)
		c.mu.Lock()
		if err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if c.err != nil {
		return nil, c.err
	}
	if q.Session != 0 && q.Session != c.generation {
		return nil, ErrStale
	}
	if n := len(q.Args) + len(q.Method) + requestOverhead; n > c.frame {
		return nil, fmt.Errorf("%w: a request of %d bytes, the limit is %d", errs.ErrTooLarge, n, c.frame)
	}
	c.lastID++
	w.id, w.tied = c.lastID, q.Session != 0 || q.Handle != serverObject
	frame := appendRequest(beginFrame(w.frame), w.id, q.Handle, q.Method, q.Args)
	if c.worthAcknowledging() {
		frame = appendReceived(frame, frameHead, c.received)
		c.acknowledged, c.unread = c.received, 0
	}
	w.frame, _ = endFrame(frame, 0, maxFrame)
	c.calls[w.id] = w
	if c.link != nil {
		c.send(w, c.link) // under the lock: ids grow on the wire
		c.listen()
	}
	return c.link, nil
}

// send queues a request. c.mu is held.
func (c *Client) send(w *call, l *link) {
	w.sent = true
	l.t.add(w.frame)
}

// await returns the reply to w, reading it if nobody else does.
func (c *Client) await(ctx context.Context, w *call) ([]byte, error) {
	var cause error // the context's, from when on the call is cancelled
	c.mu.Lock()
	for !w.done {
		ended := ctx.Err() // once: it may end between two looks
		switch {
		case ended != nil && cause == nil && w.wait && w.sent:
			cause = ended
			w.cancelled = true
			limit := c.cancelCall(w.id)
			ctx = context.Background()
			if !w.patient {
				var stop context.CancelFunc
				ctx, stop = context.WithTimeout(ctx, limit)
				defer stop()
			}
		case ended != nil:
			if cause == nil {
				cause = ended
			}
			err := c.abandon(w, cause)
			dst := w.dst
			c.mu.Unlock()
			w.recycle()
			return dst, err
		case c.link != nil && !c.reading:
			c.reading = true
			l := c.link
			c.mu.Unlock()
			c.lead(ctx, l, w)
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
	if cause != nil && errors.Is(err, context.Canceled) {
		err = cause
	}
	return dst, err
}

// How long a cancelled call waits for its reply, unless it is patient. Tests shorten it.
var (
	patience     = 5 * time.Second
	patienceAway = time.Second // without a connection
)

// cancelCall asks the coordinator not to bother, and says how long to wait for
// its answer. c.mu is held.
func (c *Client) cancelCall(id uint64) time.Duration {
	if c.link == nil {
		return patienceAway // the cancellation is sent with the next connection
	}
	c.link.cancel(id)
	c.link.t.flush()
	return patience
}

// abandon gives up on w's reply, for cause, and returns the error. The reply
// comes all the same, and somebody has to take it off the connection. c.mu is
// held.
func (c *Client) abandon(w *call, cause error) error {
	delete(c.calls, w.id)
	if !w.sent {
		return fmt.Errorf("%w: %w", errAway, cause)
	}
	c.abandoned[w.id] = w.late
	if !w.cancelled {
		c.cancelCall(w.id)
	}
	c.elect()
	if w.cancelled || c.link == nil {
		return fmt.Errorf("%w: %w", errNoAnswer, cause)
	}
	return cause
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
	c.cancel()
	if c.timer != nil {
		c.timer.Stop()
	}
	if !errors.Is(err, errs.ErrClosed) {
		c.log.Warn("the coordinator is lost", "error", err)
	}
	for _, w := range c.calls {
		w.fail(err)
	}
	clear(c.calls)
	clear(c.abandoned)
}

// lost is the error for a coordinator that is not coming back.
func lost(err error) error {
	if errors.Is(err, errs.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", errs.ErrUnavailable, err)
}
