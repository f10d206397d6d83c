package coord

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/naming"
)

// serverConn answers the requests of one connection. Its reader runs methods
// that do not wait by itself and gathers their replies until no request is
// left to read; methods that may wait get goroutines.
type serverConn struct {
	srv      *Server
	conn     net.Conn
	peer     Peer
	lifeline *lifeline // of the client's process, where it can be had
	sess     *Session
	received uint64        // replies that the client had when it resumed the session
	t        transport     // nil until the handshake is over
	left     chan struct{} // closed when the connection does nothing more to the session
	final    bool          // the session is not to be resumed

	reply   []byte            // being built by the reader
	methods map[string]string // strings of the names that were called before
}

// maxMethods bounds how many names a connection remembers.
const maxMethods = 256

// run serves until the connection ends.
func (c *serverConn) run() {
	c.methods = map[string]string{}
	for {
		body, err := c.t.readFrame()
		if err != nil {
			c.protest(err)
			return
		}
		c.srv.inflight.Add(1)
		err = c.handle(body)
		c.srv.leave()
		if err != nil {
			c.protest(err)
			return
		}
		if c.final {
			return
		}
		if c.t.buffered() && c.t.queued() < batchBytes {
			continue
		}
		c.t.flush()
		// A client that does not read its replies gets no more of them made. Of
		// one that has left, the last words are still to be read.
		if c.t.drained(c.sess.ctx, c.srv.limits.Queue) != nil && c.sess.ctx.Err() != nil {
			return
		}
		if cap(c.reply) > keepBuffer {
			c.reply = nil
		}
	}
}

// protest tells a peer that broke the protocol what it did, if it listens. That
// is the end of its session.
func (c *serverConn) protest(err error) {
	if errors.Is(err, errMalformed) || errors.Is(err, errs.ErrTooLarge) {
		c.final = true
		c.srv.log.Warn("protocol error", "peer", c.peer.Addr, "pid", c.peer.PID, "error", err)
		frame, _ := endFrame(appendError(beginFrame(nil), 0, "", "", fmt.Errorf("%w: %w", errs.ErrUnavailable, err)), 0, maxFrame)
		c.t.add(frame)
		c.t.flush()
	}
}

// handle answers one request, or has it answered. An error is the end of the
// connection.
func (c *serverConn) handle(body []byte) error {
	q, err := parseRequest(body, c.srv.limits.Depth)
	if errors.Is(err, errMalformed) {
		return err
	}
	if q.id != 0 {
		if q.id <= c.sess.taken {
			return fmt.Errorf("%w: request %d after request %d", errMalformed, q.id, c.sess.taken)
		}
		c.sess.taken = q.id
	}
	if q.received > 0 {
		if err := c.sess.out.acknowledge(q.received); err != nil {
			return err
		}
	}
	method := c.method(q.method)
	switch {
	case err != nil: // nested too deeply
		c.fail(q.id, "", method, err)
	case c.srv.draining.Load() && q.id != 0 && !c.peer.Inside: // a cancel makes the end come sooner
		c.fail(q.id, "", method, errShutdown)
	case q.object == serverObject:
		c.builtin(q, method)
	default:
		c.call(q, method)
	}
	return nil
}

// method makes a string of b, for the names that come again and again without
// allocating it.
func (c *serverConn) method(b []byte) string {
	s, ok := c.methods[string(b)]
	if !ok {
		s = string(b)
		if len(c.methods) < maxMethods && len(s) <= naming.Max {
			c.methods[s] = s
		}
	}
	return s
}

// call runs a method of an object.
func (c *serverConn) call(q request, method string) {
	o := c.sess.lookup(q.object)
	if o == nil {
		c.fail(q.id, "", method, errNoHandle(q.object))
		return
	}
	if o.blocks(method) {
		if t, ok := o.obj.(Trier); ok {
			out, done, err := c.try(o, t, method, q.args, c.begin(q.id))
			if done || err != nil {
				c.finish(q.id, o.kind, method, out, err)
				return
			}
		}
		w, ok := o.obj.(Waiter)
		c.spawn(q, q.object, o.kind, method, ok && w.Waits(method), func(ctx context.Context, args, dst []byte) ([]byte, error) {
			return c.invoke(ctx, o, method, args, dst)
		})
		return
	}
	out, err := c.invoke(c.sess.ctx, o, method, q.args, c.begin(q.id))
	c.finish(q.id, o.kind, method, out, err)
}

// invoke calls a method and survives its panic.
func (c *serverConn) invoke(ctx context.Context, o *object, method string, args, dst []byte) (out []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = c.srv.panicked(o.kind, method, p)
		}
	}()
	return o.obj.Call(ctx, c.sess, method, args, dst)
}

// try is invoke for what may turn out not to wait.
func (c *serverConn) try(o *object, t Trier, method string, args, dst []byte) (out []byte, ok bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = c.srv.panicked(o.kind, method, p)
		}
	}()
	return t.Try(c.sess, method, args, dst)
}

// begin starts a reply in the reader's buffer; finish or fail ends it.
func (c *serverConn) begin(id uint64) []byte {
	return appendReply(beginFrame(c.reply[:0]), id)
}

func (c *serverConn) finish(id uint64, kind, method string, out []byte, err error) {
	if id == 0 { // no reply is wanted
		return
	}
	out = c.frame(id, kind, method, out, err)
	c.reply = out[:0]
	if c.sess.out.send(out) {
		c.reply = nil
	}
}

func (c *serverConn) fail(id uint64, kind, method string, err error) {
	c.finish(id, kind, method, nil, err)
}

// frame completes out, which holds a reply, or makes it the reply that err is.
func (c *serverConn) frame(id uint64, kind, method string, out []byte, err error) []byte {
	if err == nil {
		if out, err = endFrame(out, 0, c.srv.limits.Frame); err == nil {
			return out
		}
	}
	out = appendError(beginFrame(out[:0]), id, kind, method, err)
	if limit := c.srv.limits.Frame; len(out)-frameHead > limit {
		out = appendError(beginFrame(nil), id, kind, method, cutShort(err, limit/4))
	}
	out, _ = endFrame(out, 0, maxFrame)
	return out
}

// spawn runs f, which may wait, in a goroutine; it belongs to handle (0: to none). Without an
// id nothing could ever end it early, so such a request is not taken.
func (c *serverConn) spawn(q request, handle uint64, kind, method string, waits bool, f func(ctx context.Context, args, dst []byte) ([]byte, error)) {
	if q.id == 0 {
		return
	}
	ctx, err := c.sess.begin(q.id, handle, waits)
	if err != nil {
		c.fail(q.id, kind, method, err)
		return
	}
	args := append([]byte(nil), q.args...) // the reader's buffer moves on
	c.srv.inflight.Add(1)
	go func() {
		defer c.srv.leave()
		defer c.sess.calls.Done()
		defer c.sess.finish(q.id)
		out, err := f(ctx, args, appendReply(beginFrame(nil), q.id))
		if cause := context.Cause(ctx); errors.Is(err, context.Canceled) && (cause == errShutdown || cause == errReleased) {
			err = cause
		}
		if c.sess.out.drained(c.sess.ctx, c.srv.limits.Queue) != nil {
			return
		}
		c.sess.finish(q.id) // a client that has the reply may make the next call, whatever the limit
		c.sess.out.send(c.frame(q.id, kind, method, out, err))
		c.sess.out.flush()
	}()
}
