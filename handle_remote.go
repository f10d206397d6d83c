package carom

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// remoteObject is an object in shared memory that this process does not map: the
// coordinator performs the operations, on the same words that others use directly.
type remoteObject struct {
	remote
	piece  int                   // bytes of elements or items that go into one request
	failed atomic.Pointer[error] // of the last method without an error
}

// maxPiece bounds what one request makes the coordinator do without a break.
const maxPiece = 1 << 20

// isRemote reports that m's objects in shared memory are used through the coordinator.
func (m *Manager) isRemote() bool { return m != nil && m.arena == nil }

// openRemoteHandle makes sure that the object is there and opens it in the session.
// params is what the kind wants to know to make it.
func openRemoteHandle(m *Manager, op string, kind shm.Kind, name, typ string, exclusive bool, params []byte) (*handle, error) {
	h := &handle{m: m, kind: kind, name: name}
	if err := m.check(op); err != nil {
		return nil, h.wrap(op, err)
	}
	mode := coord.Create
	switch {
	case op == "open":
		mode = coord.Attach
	case exclusive:
		mode = coord.Exclusive
	}
	err := shm.CheckName(name)
	switch {
	case err == nil && name == "" && mode == coord.Attach:
		err = fmt.Errorf("an empty name: %w", ErrNotFound)
	case name == "":
		h.name = shm.RandomName(kind.String())
	}
	if err != nil {
		return nil, h.wrap(op, err)
	}
	ctx, cancel := bounded(m)
	defer cancel()
	h.r = &remoteObject{remote: remote{b: m, kind: kind.String(), name: h.name, typ: typ, params: params, tenure: ofSession}}
	client, err := m.dial(ctx)
	if err == nil {
		h.r.piece = min(maxPiece, client.FrameLimit()/2)
		err = h.r.attach(ctx, client, mode)
	}
	if err != nil {
		return nil, h.wrap(op, h.unnamed(late(ctx, m, err)))
	}
	return h, nil
}

// unnamed takes away what the coordinator's text says of the object: OpError says it.
func (h *handle) unnamed(err error) error {
	text, named := strings.CutPrefix(err.Error(), fmt.Sprintf("%s %q: ", protocolKind(h.kind.String()), h.name))
	if code := errs.Code(err); named && code != "" {
		return errs.FromCode(code, text)
	}
	return err
}

// bounded is the context of calls that take none.
func bounded(m *Manager) (context.Context, context.CancelFunc) {
	return context.WithTimeout(m.ctx, m.opts.Timeout)
}

// late says what the end of a context of bounded means.
func late(ctx context.Context, m *Manager, err error) error {
	switch {
	case m.ctx.Err() != nil && errors.Is(err, context.Canceled):
		return ErrClosed
	case !isContextError(err) || ctx.Err() == nil:
		return err
	}
	return fmt.Errorf("no answer within %v: %w", m.opts.Timeout, ErrUnavailable)
}

// result reads what a method returned. What the reader finds wrong need not be returned.
type result func(*coord.Reader) error

func intoBool(b *bool) result   { return func(in *coord.Reader) error { *b = in.Bool(); return nil } }
func intoInt(n *int) result     { return func(in *coord.Reader) error { *n = int(in.Int()); return nil } }
func intoUint(n *uint64) result { return func(in *coord.Reader) error { *n = in.Uint(); return nil } }
func intoBytes(b *[]byte) result {
	return func(in *coord.Reader) error { *b = append([]byte{}, in.Bytes()...); return nil }
}

// ask makes a round trip: it calls method, which may wait until ctx ends, and has read
// look at the result.
func (h *handle) ask(ctx context.Context, op, method string, read result, args ...any) error {
	return h.ended(ctx, op, h.send(ctx, op, method, true, read, args))
}

// ended says what it means that a call was cancelled.
func (h *handle) ended(ctx context.Context, op string, err error) error {
	switch {
	case !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable):
		return err
	case ctx.Err() != nil: // by its deadline, perhaps
		return ctx.Err()
	}
	return h.wrap(op, fmt.Errorf("the coordinator ended the call: %w", ErrUnavailable))
}

// tell is ask of a method that takes no context, and is bounded by Options.Timeout.
func (h *handle) tell(op, method string, read result, args ...any) error {
	return h.trip(op, method, true, read, args)
}

// look is tell of a method without an error, which Err then returns. It acquires nothing,
// so when the time is over it does not wait to learn what became of the call.
func (h *handle) look(op, method string, read result, args ...any) error {
	err := h.trip(op, method, false, read, args)
	h.r.failed.Store(&err)
	return err
}

func (h *handle) trip(op, method string, settle bool, read result, args []any) error {
	ctx, cancel := bounded(h.m)
	defer cancel()
	return h.wrap(op, late(ctx, h.m, h.send(ctx, op, method, settle, read, args)))
}

// send makes the call. settle has one whose context ends find out what became of it.
func (h *handle) send(ctx context.Context, op, method string, settle bool, read result, args []any) error {
	q := h.r.call(h.r.kind, op, len(args))
	defer q.end()
	q.wait, q.late = settle, h.undo(method)
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
	switch method {
	case "lock", "trylock", "recover":
		return func(result []byte) {
			if h.kind == shm.RLock {
				_ = h.tell("unlock", "unlock", nil, coord.NewReader(result).Uint())
			} else {
				_ = h.tell("unlock", "unlock", nil)
			}
		}
	case "acquire", "tryacquire":
		return func([]byte) { _ = h.tell("release", "release", nil, uint64(1)) }
	}
	return nil
}

// lastErr is why the last method without an error failed, nil if it did not.
func (h *handle) lastErr() error {
	if err := h.r.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// details reads what the kind told of the object when it was opened.
func (h *handle) details() *coord.Reader {
	h.r.mu.Lock()
	defer h.r.mu.Unlock()
	in := coord.NewReader(h.r.remote.details)
	in.Array()
	return in
}

// arg adds an argument.
func (q *remoteCall) arg(v any) {
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
