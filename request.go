package carom

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/codec"
)

// request is one call of a method in the making: arguments are added, do makes the round
// trip, and the result is read. The first error is kept and makes the rest do nothing. end
// gives its buffers back.
type request struct {
	h    *handle
	op   string
	args []byte
	out  []byte
	in   coord.Reader
	err  error
	wait bool         // as coord.Request has it: true but for what is of no consequence
	late func([]byte) // likewise

	patient bool // likewise
}

var requests = sync.Pool{New: func() any { return new(request) }}

// maxKept bounds the buffers that wait for the next request.
const maxKept = 64 << 10

// request begins a call with n arguments.
func (h *handle) request(op string, n int) *request {
	q := requests.Get().(*request)
	q.h, q.op, q.wait = h, op, true
	q.args = coord.AppendArray(q.args[:0], n)
	if h == nil {
		q.err = errNoHandle(op)
	}
	return q
}

func (q *request) end() {
	*q = request{args: q.args[:0], out: q.out[:0]}
	if cap(q.args) <= maxKept && cap(q.out) <= maxKept {
		requests.Put(q)
	}
}

func (q *request) fail(err error) {
	if q.err == nil && err != nil {
		q.err = q.h.fail(q.op, err)
	}
}

// value adds an argument that the user gave.
func (q *request) value(v any) {
	if q.err != nil {
		return
	}
	args, err := codec.Append(q.args, v)
	q.fail(err)
	q.args = args
}

// key adds a dict's key.
func (q *request) key(v any) {
	if q.err != nil {
		return
	}
	args, err := codec.AppendKey(q.args, v)
	q.fail(err)
	q.args = args
}

func (q *request) int(v int)       { q.args = coord.AppendInt(q.args, int64(v)) }
func (q *request) uint(v uint64)   { q.args = coord.AppendUint(q.args, v) }
func (q *request) text(s string)   { q.args = coord.AppendText(q.args, s) }
func (q *request) ok() bool        { return q.err == nil }
func (q *request) readInt() int    { return int(q.in.Int()) }
func (q *request) decoded() error  { q.fail(q.in.Err()); return q.err }
func (q *request) null() bool      { return q.in.Null() }
func (q *request) enter(items int) { q.in.Args(items) }

// do calls method and reports whether there is a result to read.
func (q *request) do(ctx context.Context, method string) bool {
	if q.err != nil {
		return false
	}
	for {
		at, id, err := q.h.session(ctx)
		if err == nil {
			call := coord.Request{Handle: id, Session: at.generation, Method: method, Args: q.args, Wait: q.wait, Patient: q.patient, Late: q.late}
			q.out, err = at.client.Do(ctx, call, q.out[:0])
		}
		if errors.Is(err, coord.ErrStale) {
			continue // the session was lost just now, before the call was made
		}
		q.fail(q.h.released(err))
		q.in.Reset(q.out)
		return q.err == nil
	}
}

// released says what it means that the coordinator does not know a handle that was closed.
func (h *handle) released(err error) error {
	if err != nil && errors.Is(err, ErrNotFound) && h.r.isClosed() {
		return ErrClosed
	}
	return err
}

// stream starts a method whose result is a stream.
func (q *request) stream(ctx context.Context, method string) *coord.ClientStream {
	if q.err != nil {
		return nil
	}
	for {
		at, id, err := q.h.session(ctx)
		if err != nil {
			q.fail(err)
			return nil
		}
		s, err := at.client.StreamIn(ctx, at.generation, id, method, q.args)
		if !errors.Is(err, coord.ErrStale) {
			q.fail(q.h.released(err))
			return s
		}
	}
}

// read decodes the next item of the result into v.
func (q *request) read(v any) {
	if raw := q.in.Raw(); q.err == nil && q.in.Err() == nil {
		q.fail(codec.Decode(raw, v))
	}
}

// part decodes the next item of the result into v, unlike read without an end to the request
// if it does not fit: the items behind it can be read.
func part[T any](q *request, v *T) error {
	raw := q.in.Raw()
	if q.err != nil || q.in.Err() != nil {
		return nil
	}
	err := codec.Decode(raw, v)
	if err != nil {
		var zero T
		*v = zero
	}
	return err
}

// collect reads a stream of arrays to its end, and calls f while there are items.
func (q *request) collect(ctx context.Context, method string, f func()) {
	s := q.stream(ctx, method)
	if s == nil || q.err != nil {
		return
	}
	defer s.Close()
	for batch, err := range s.All(ctx) {
		if q.fail(q.h.released(err)); q.err != nil {
			return
		}
		q.in.Reset(batch)
		for q.in.Array(); q.in.More(); {
			if f(); q.err != nil {
				return
			}
		}
		q.fail(q.in.Err())
	}
}

// result reads what a method returned. What the reader finds wrong need not be returned.
type result func(*coord.Reader) error

func intoBool(b *bool) result   { return func(in *coord.Reader) error { *b = in.Bool(); return nil } }
func intoInt(n *int) result     { return func(in *coord.Reader) error { *n = int(in.Int()); return nil } }
func intoUint(n *uint64) result { return func(in *coord.Reader) error { *n = in.Uint(); return nil } }
func intoBytes(b *[]byte) result {
	return func(in *coord.Reader) error { *b = append([]byte{}, in.Bytes()...); return nil }
}

// ask calls method, which may wait until ctx ends, and has read (may be nil) look at the
// result.
func (h *handle) ask(ctx context.Context, op, method string, read result, args ...any) error {
	return h.ended(ctx, op, h.send(ctx, op, method, true, read, args))
}

// ended says what it means that a call was cancelled.
func (h *handle) ended(ctx context.Context, op string, err error) error {
	switch {
	case !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable):
		return err
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), ErrClosed):
		return h.closedErr(op)
	case ctx.Err() != nil: // by its deadline, perhaps
		return ctx.Err()
	case h.r.isClosed():
		return h.closedErr(op)
	}
	return h.fail(op, fmt.Errorf("the coordinator ended the call: %w", ErrUnavailable))
}

// tell is ask of a method that takes no context, and is bounded by Options.Timeout.
func (h *handle) tell(op, method string, read result, args ...any) error {
	return h.trip(op, method, true, read, args)
}

// look is tell of a method without an error, which Err then returns. It acquires nothing, so
// when the time is over it does not wait to learn what became of the call.
func (h *handle) look(op, method string, read result, args ...any) error {
	err := h.trip(op, method, false, read, args)
	h.r.failed.Store(&err)
	return err
}

func (h *handle) trip(op, method string, settle bool, read result, args []any) error {
	ctx, cancel := bounded(h.m)
	defer cancel()
	return h.fail(op, late(ctx, h.m, h.send(ctx, op, method, settle, read, args)))
}

// send makes the call. settle has one whose context ends find out what became of it.
func (h *handle) send(ctx context.Context, op, method string, settle bool, read result, args []any) error {
	q := h.request(op, len(args))
	defer q.end()
	q.wait, q.late = settle, h.undo(method)
	q.patient = h.kind == "Condition" && method == "wait" // which returns with the lock held
	for _, arg := range args {
		q.arg(arg)
	}
	if q.do(ctx, method) && read != nil {
		q.fail(read(&q.in))
		q.fail(q.in.Err())
	}
	return q.err
}

// undo takes back what a call acquired whose answer came too late for its caller, who was
// told that it acquired nothing.
func (h *handle) undo(method string) func(result []byte) {
	if h.kind == "Barrier" { // whose recover acquires nothing
		return nil
	}
	switch method {
	case "lock", "trylock", "recover":
		return func(result []byte) { _ = h.tell("unlock", "unlock", nil, coord.NewReader(result).Uint()) }
	case "acquire", "tryacquire":
		return func([]byte) { _ = h.tell("release", "release", nil, uint64(1)) }
	}
	return nil
}

// arg adds an argument of a kind in shared memory.
func (q *request) arg(v any) {
	switch v := v.(type) {
	case []byte:
		q.args = coord.AppendBytes(q.args, v)
	case string:
		q.args = coord.AppendText(q.args, v)
	case bool:
		q.args = coord.AppendBool(q.args, v)
	case int:
		q.args = coord.AppendInt(q.args, int64(v))
	case uint64:
		q.args = coord.AppendUint(q.args, v)
	case time.Duration:
		q.args = coord.AppendInt(q.args, int64(v))
	case rawCBOR:
		q.args = append(q.args, v...)
	default:
		q.fail(fmt.Errorf("%w: an argument of type %T", ErrType, v))
	}
}
