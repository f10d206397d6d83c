package coord

import (
	"context"
	"sync"
)

// outlet is where the replies of a session go: to the connection that it has,
// if any, and into the log if the session may be resumed. Both take them in
// the same order, which is what their numbers are.
type outlet struct {
	mu  sync.Mutex
	t   transport // nil: there is no connection
	log *replyLog // nil: the session ends with its connection
}

// send queues a reply and reports whether it kept frame itself.
func (o *outlet) send(frame []byte) (kept bool) {
	o.mu.Lock()
	if o.log != nil {
		kept = o.log.add(frame)
	}
	if o.t != nil && o.t.add(frame) {
		kept = true
	}
	o.mu.Unlock()
	return kept
}

// flush has written what was sent.
func (o *outlet) flush() {
	if t := o.transport(); t != nil {
		t.flush()
	}
}

func (o *outlet) transport() transport {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.t
}

// drained returns once at most limit bytes wait to be written, or no
// connection is there to write them to. The error is the context's.
func (o *outlet) drained(ctx context.Context, limit int) error {
	if t := o.transport(); t != nil {
		if t.drained(ctx, limit) != nil { // of a connection that has failed, the log has what matters
			return ctx.Err()
		}
	}
	return nil
}

// attach makes t the connection. It is sent again what comes after the first
// received replies; false says that they are not all there.
func (o *outlet) attach(t transport, received uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.log != nil {
		frames, ok := o.log.replay(received)
		if !ok {
			return false
		}
		for _, f := range frames {
			t.add(f)
		}
	}
	o.t = t
	return true
}

// detach takes t away, if it is the connection.
func (o *outlet) detach(t transport) {
	o.mu.Lock()
	if o.t == t {
		o.t = nil
	}
	o.mu.Unlock()
}

// acknowledge forgets the first n replies.
func (o *outlet) acknowledge(n uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.log == nil {
		return nil
	}
	return o.log.ack(n)
}

// reaches reports whether the replies after the first n are all there. It
// fails if there were never so many.
func (o *outlet) reaches(n uint64) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.log == nil {
		return false, nil
	}
	if n >= o.log.next {
		return false, o.log.ack(n)
	}
	return n+1 >= o.log.first, nil
}
