package carom

import (
	"context"
	"errors"
	"sync"

	"github.com/carom-ipc/carom/coord"
)

// remoteCall is one call of a method in the making: arguments are added, do
// makes the round trip, and the result is read. The first error is kept and
// makes the rest do nothing. end gives its buffers back.
type remoteCall struct {
	r    *remote
	kind string
	op   string
	args []byte
	out  []byte
	in   coord.Reader
	err  error
	wait bool         // as coord.Request has it
	late func([]byte) // likewise
}

var remoteCalls = sync.Pool{New: func() any { return new(remoteCall) }}

// maxKept bounds the buffers that wait for the next call.
const maxKept = 64 << 10

// call begins a call with n arguments.
func (r *remote) call(kind, op string, n int) *remoteCall {
	q := remoteCalls.Get().(*remoteCall)
	q.r, q.kind, q.op = r, kind, op
	q.args = coord.AppendArray(q.args[:0], n)
	if r == nil {
		q.err = &OpError{Op: op, Kind: kind, Name: "", Err: errNoHandle}
	}
	return q
}

func (q *remoteCall) end() {
	*q = remoteCall{args: q.args[:0], out: q.out[:0]}
	if cap(q.args) <= maxKept && cap(q.out) <= maxKept {
		remoteCalls.Put(q)
	}
}

func (q *remoteCall) fail(err error) {
	if q.err == nil && err != nil {
		q.err = q.r.opError(q.op, err)
	}
}

// value adds an argument that the user gave.
func (q *remoteCall) value(v any) {
	if q.err != nil {
		return
	}
	args, err := q.r.b.encode(q.args, v)
	q.fail(err)
	q.args = args
}

func (q *remoteCall) int(v int)       { q.args = coord.AppendInt(q.args, int64(v)) }
func (q *remoteCall) uint(v uint64)   { q.args = coord.AppendUint(q.args, v) }
func (q *remoteCall) text(s string)   { q.args = coord.AppendText(q.args, s) }
func (q *remoteCall) ok() bool        { return q.err == nil }
func (q *remoteCall) readInt() int    { return int(q.in.Int()) }
func (q *remoteCall) decoded() error  { q.fail(q.in.Err()); return q.err }
func (q *remoteCall) null() bool      { return q.in.Null() }
func (q *remoteCall) enter(items int) { q.in.Args(items) }

// do calls method and reports whether there is a result to read.
func (q *remoteCall) do(ctx context.Context, method string) bool {
	if q.err != nil {
		return false
	}
	for {
		at, id, err := q.r.session(ctx)
		if err == nil {
			request := coord.Request{Handle: id, Session: at.generation, Method: method, Args: q.args, Wait: q.wait, Late: q.late}
			q.out, err = at.client.Do(ctx, request, q.out[:0])
		}
		if errors.Is(err, coord.ErrStale) {
			continue // the session was lost just now, before the call was made
		}
		q.fail(err)
		q.in.Reset(q.out)
		return q.err == nil
	}
}

// stream starts a method whose result is a stream.
func (q *remoteCall) stream(ctx context.Context, method string) *coord.ClientStream {
	if q.err != nil {
		return nil
	}
	for {
		at, id, err := q.r.session(ctx)
		if err != nil {
			q.fail(err)
			return nil
		}
		s, err := at.client.StreamIn(ctx, at.generation, id, method, q.args)
		if !errors.Is(err, coord.ErrStale) {
			q.fail(err)
			return s
		}
	}
}

// read decodes the next item of the result into v.
func (q *remoteCall) read(v any) {
	if raw := q.in.Raw(); q.err == nil && q.in.Err() == nil {
		q.fail(q.r.b.decode(raw, v))
	}
}

// collect reads a stream of arrays to its end, and calls f while there are
// items.
func (q *remoteCall) collect(ctx context.Context, method string, f func()) {
	s := q.stream(ctx, method)
	if s == nil || q.err != nil {
		return
	}
	defer s.Close()
	for batch, err := range s.All(ctx) {
		if q.fail(err); q.err != nil {
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
