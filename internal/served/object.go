package served

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// patience says for what a method waits.
type patience uint8

const (
	instant   patience = iota // for nothing: it runs on the goroutine that reads the connection
	brief                     // for others who are at work on the object, for moments
	eventful                  // for something to happen
	lingering                 // likewise, and trying first would leave traces
)

// method is a row of the protocol's tables.
type method[T any] struct {
	do    func(T, *call) error
	waits patience
}

// call is a request to an object.
type call struct {
	ctx  context.Context // ends when the caller cancels, or its session ends
	sess *coord.Session
	raw  []byte // the arguments
	args coord.Reader
	wait bool   // whether to wait for something to happen
	dst  []byte // the result is appended
}

// Requests come by the hundred thousand: their calls are used again.
var calls = sync.Pool{New: func() any { return new(call) }}

// answer runs a method.
func answer[T any](m method[T], it T, of call, args []byte) ([]byte, error) {
	c := calls.Get().(*call)
	*c = of
	c.raw, c.args = args, *coord.NewReader(args)
	err := m.do(it, c)
	dst := c.dst
	*c = call{}
	calls.Put(c)
	return dst, err
}

// nothing reads the arguments of a method that has none.
func (c *call) nothing() error {
	c.args.Args(0)
	return c.args.Err()
}

func (c *call) null() error {
	c.dst = coord.AppendNull(c.dst)
	return nil
}

// object is one opening of an object, with a T that performs its operations. It implements
// coord.Object, Blocker and Trier.
type object[T any] struct {
	it      T
	kind    string
	sess    *coord.Session
	methods map[string]method[T]
	h       *shm.Handle // counts the calls inside; nil of the arena itself
}

// Blocks implements coord.Blocker.
func (o *object[T]) Blocks(name string) bool { return o.methods[name].waits != instant }

// Call implements coord.Object.
func (o *object[T]) Call(ctx context.Context, sess *coord.Session, name string, args, dst []byte) ([]byte, error) {
	m, ok := o.methods[name]
	if !ok {
		return dst, coord.NoMethod(o.kind, name)
	}
	if !o.enter() {
		return dst, errs.ErrClosed
	}
	defer o.leave()
	return answer(m, o.it, call{ctx: ctx, sess: sess, wait: true, dst: dst}, args)
}

// Waits implements coord.Waiter.
func (o *object[T]) Waits(name string) bool {
	w := o.methods[name].waits
	return w == eventful || w == lingering
}

// ended is a context with which nothing waits: what cannot be had at once is given up
// without a trace.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// Try implements coord.Trier.
func (o *object[T]) Try(sess *coord.Session, name string, args, dst []byte) (out []byte, ok bool, err error) {
	m := o.methods[name]
	if m.waits == lingering || !o.enter() {
		return dst, false, nil
	}
	defer o.leave()
	out, err = answer(m, o.it, call{ctx: ended, sess: sess, dst: dst}, args)
	if errors.Is(err, context.Canceled) || m.waits == eventful && errors.Is(err, errs.ErrWouldBlock) {
		return dst, false, nil
	}
	return out, true, err
}

func (o *object[T]) enter() bool { return o.h == nil || o.h.Enter() }

// leave detaches with the last, if the session has released the object. Where it has ended
// meanwhile, its guest is about to be swept as the dead are, which needs to know what it had
// attached.
func (o *object[T]) leave() {
	if o.h == nil || o.h.Closed() && o.sess.Context().Err() != nil {
		return
	}
	o.h.Leave()
}

// closePatience is how long a session that releases an object waits for somebody who is at
// work on it: what is left then is done later.
const closePatience = 100 * time.Millisecond

// Close implements coord.Object. Calls that wait in it end with ErrClosed.
func (o *object[T]) Close() {
	if o.h == nil || o.sess.Context().Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	_ = o.h.Close(ctx)
}
