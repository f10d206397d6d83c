package carom

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
)

// remote is a handle's part where the coordinator performs the operations.
type remote struct {
	typ    string // of the elements
	params []byte // for the kind, where the object is made
	tenure tenure
	piece  int                   // bytes of elements or items that go into one request
	failed atomic.Pointer[error] // of the last method without an error

	mu       sync.Mutex
	at       place          // where the object is open; nowhere before the first use
	origin   place          // where the handle was open of which this is one more; nowhere for all others
	id       uint64         // its handle there
	identity coord.Identity // of the object; empty before it was first open
	details  []byte         // what the kind told of the object
	lost     error          // for good
	closed   bool
	inside   int                // calls of several steps
	life     context.Context    // ends those when the handle is closed; nil before the first
	end      context.CancelFunc // ends life
}

// place is a session with a coordinator.
type place struct {
	client            *coord.Client
	generation, epoch uint64
}

func placeOf(client *coord.Client) place {
	generation, epoch := client.Life()
	return place{client, generation, epoch}
}

// tenure says what becomes of a handle whose session was lost.
type tenure int

const (
	ofObject  tenure = iota // it goes on with the object of the same identity
	ofSession               // what a session holds in shared memory dies with it
	ofName                  // whatever has the name will do
)

var (
	errRestarted = fmt.Errorf("%w: the coordinator was restarted, and has nothing of what there was before", ErrNotFound)
	errDied      = fmt.Errorf("%w: the session with the coordinator was lost, and what it had in shared memory with it", ErrNotFound)
	errRemoved   = fmt.Errorf("%w: the session with the coordinator was lost, and the object was removed meanwhile", ErrNotFound)
)

// maxPiece bounds what one request makes the coordinator do without a break.
const maxPiece = 1 << 20

// builtinKinds are the kinds that carom itself has, by the protocol's names for them. Any
// other kind is a registered type, whose typeid is its name on both sides.
var builtinKinds = map[string]string{
	"value": "Value", "array": "Array", "queue": "Queue", "bytequeue": "ByteQueue",
	"lock": "Lock", "rlock": "RLock", "semaphore": "Semaphore", "boundedsemaphore": "BoundedSemaphore",
	"condition": "Condition", "event": "Event", "barrier": "Barrier",
	"dict": "Dict", "list": "List", "namespace": "Namespace",
	"arena": "Arena", "custom": "Custom", // no objects of users, and no names for types either
}

// protocolKind is the protocol's name for a kind.
func protocolKind(kind string) string {
	if isBuiltin(kind) {
		return strings.ToLower(kind)
	}
	return kind
}

func isBuiltin(kind string) bool { return kind != "" && builtinKinds[strings.ToLower(kind)] == kind }

// kindName is a kind's name here, given the protocol's.
func kindName(protocol string) string {
	if name, ok := builtinKinds[protocol]; ok {
		return name
	}
	return protocol
}

// open opens the object in client's session.
func (h *handle) open(ctx context.Context, client *coord.Client, mode coord.Mode) error {
	r := h.r
	o, err := h.openAt(ctx, client, mode)
	if err != nil {
		return h.unnamed(err)
	}
	r.piece = min(maxPiece, client.FrameLimit()/2)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at, r.id, r.identity, r.details = o.at, o.id, o.identity, o.details
	return nil
}

// opening is an object that is open somewhere.
type opening struct {
	at       place
	id       uint64
	identity coord.Identity
	details  []byte
}

func (h *handle) openAt(ctx context.Context, client *coord.Client, mode coord.Mode) (o opening, err error) {
	var params []byte
	if mode != coord.Attach {
		params = h.r.params
	}
	for {
		o.at = placeOf(client)
		o.id, o.identity, o.details, err = client.OpenDetails(ctx, protocolKind(h.kind), h.name, h.r.typ, params, mode)
		switch {
		case errors.Is(err, coord.ErrLost) && mode != coord.Exclusive: // once more is as good
		case err == nil && placeOf(client) != o.at: // whose is id?
			h.spare(client, o.at.generation+1, o.id)
		default:
			return o, err
		}
	}
}

// unnamed takes away what the coordinator's text says of the object: OpError says it.
func (h *handle) unnamed(err error) error {
	text, named := strings.CutPrefix(err.Error(), fmt.Sprintf("%s %q: ", protocolKind(h.kind), h.name))
	if code := errs.Code(err); named && code != "" {
		return errs.FromCode(code, text)
	}
	return err
}

// session returns where the object is open, and its handle there. In a session that it has
// not been open in it is opened again, if it is still there.
func (h *handle) session(ctx context.Context) (place, uint64, error) {
	client, err := h.m.dial(ctx)
	if err != nil {
		return place{}, 0, err
	}
	now := placeOf(client)
	r := h.r
	r.mu.Lock()
	at, id, lost := r.at, r.id, r.lost
	if r.closed && r.inside == 0 {
		lost = ErrClosed
	}
	r.mu.Unlock()
	if lost != nil || at == now {
		return at, id, lost
	}
	return h.reopen(ctx, at, now)
}

// reopen opens the object, which was at a place that is no more, in another session.
func (h *handle) reopen(ctx context.Context, at, now place) (place, uint64, error) {
	r := h.r
	known := at.client != nil && r.tenure != ofName
	from := at
	if at.client == nil {
		from = r.origin
	}
	switch {
	case from.client == nil || r.tenure == ofName:
	case from.epoch != now.epoch:
		return r.lose(errRestarted)
	case from != now && r.tenure == ofSession:
		return r.lose(errDied)
	}
	o, err := h.openAt(ctx, now.client, coord.Attach)
	r.mu.Lock()
	identity := r.identity
	r.mu.Unlock()
	switch {
	case err == nil && identity != "" && o.identity != identity: // another has the name now
		h.spare(now.client, now.generation, o.id)
		return r.lose(errRemoved)
	case err != nil && known && (errors.Is(err, ErrNotFound) || errors.Is(err, ErrType)):
		return r.lose(errRemoved)
	case err != nil:
		return place{}, 0, err
	}
	r.mu.Lock()
	closed := r.closed && r.inside == 0
	spare := r.at == now || closed
	if !spare {
		r.at, r.id, r.identity, r.details = o.at, o.id, o.identity, o.details
		if r.tenure == ofName {
			r.identity = ""
		}
		if r.piece == 0 {
			r.piece = min(maxPiece, now.client.FrameLimit()/2)
		}
	}
	id := r.id
	r.mu.Unlock()
	if spare { // somebody else was as quick
		h.spare(now.client, now.generation, o.id)
	}
	if closed {
		return place{}, 0, ErrClosed
	}
	return now, id, nil
}

// spare releases what was opened in vain, also if the context that it was opened with has
// ended.
func (h *handle) spare(client *coord.Client, generation, id uint64) {
	ctx, cancel := bounded(h.m)
	defer cancel()
	_ = client.ReleaseIn(ctx, generation, id)
}

func (r *remote) lose(err error) (place, uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost = err
	return place{}, 0, err
}

// again is for one more handle on the same object: it is opened with its first use, and lost
// with this one.
func (r *remote) again() *remote {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &remote{typ: r.typ, tenure: r.tenure, identity: r.identity, origin: r.at, lost: r.lost}
}

// object is the identity of the object; empty if it was never opened.
func (r *remote) object() coord.Identity {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.identity
}

func (r *remote) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// lastErr is why the last method without an error failed, nil if it did not.
func (r *remote) lastErr() error {
	if err := r.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// known reads what the kind told of the object when it was opened.
func (r *remote) known() *coord.Reader {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := coord.NewReader(r.details)
	in.Array()
	return in
}

// stay begins a call of several steps, between which the object stays open at the
// coordinator also if the handle is closed: that ends the context which stay returns, with
// ErrClosed for its cause. Unless there is an error, the caller calls done at its end.
func (h *handle) stay(ctx context.Context, op string) (joined context.Context, done func(), err error) {
	r := h.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, nil, h.closedErr(op)
	}
	r.inside++
	if r.life == nil {
		r.life, r.end = context.WithCancel(context.Background())
	}
	joined, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(r.life, func() { cancel(ErrClosed) })
	return joined, func() {
		stop()
		cancel(nil)
		r.mu.Lock()
		r.inside--
		last := r.inside == 0 && r.closed
		r.mu.Unlock()
		if last {
			ctx, cancel := bounded(h.m)
			defer cancel()
			_ = h.giveBack(ctx)
		}
	}, nil
}

// release closes the handle. The coordinator ends the calls that wait inside, once those of
// several steps have left.
func (h *handle) release(ctx context.Context) error {
	r := h.r
	r.mu.Lock()
	closed, inside, end := r.closed, r.inside, r.end
	r.closed = true
	r.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case end != nil:
		end()
	}
	if inside > 0 {
		return nil // the last of them gives it back
	}
	return h.giveBack(ctx)
}

// giveBack lets the object go. One whose coordinator is gone has gone already.
func (h *handle) giveBack(ctx context.Context) error {
	h.r.mu.Lock()
	at, id := h.r.at, h.r.id
	h.r.mu.Unlock()
	if at.client == nil { // it was never used
		return nil
	}
	err := late(ctx, h.m, at.client.ReleaseIn(ctx, at.generation, id))
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrClosed) {
		return nil
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
	case err == nil:
		return nil
	case m.ctx.Err() != nil && errors.Is(err, context.Canceled):
		return ErrClosed
	case !isContextError(err) || ctx.Err() == nil:
		return err
	}
	return fmt.Errorf("no answer within %v: %w: %w", m.opts.Timeout, ErrUnavailable, context.DeadlineExceeded)
}
