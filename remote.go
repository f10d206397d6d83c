package carom

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/carom-ipc/carom/coord"
)

// remote is the untyped part of a handle to an object in the coordinator. Its
// methods work on nil, as which the zero value of every typed handle has it.
type remote struct {
	b    backend
	kind string // "Dict"; the coordinator's name for it is in lower case
	name string
	typ  string

	params []byte // for the kind, where the object is made
	tenure tenure

	mu      sync.Mutex
	at      place          // where the object is open; nowhere before the first use
	id      uint64         // its handle there
	ident   coord.Identity // of the object; empty where it came as a method's result
	details []byte         // what the kind told of the object
	lost    error          // for good
	closed  bool
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
	ofObject  tenure = iota // the coordinator may still have the object: under its name, and of the same identity
	ofSession               // what a session holds in shared memory dies with it
	ofName                  // whatever has the name will do
)

var (
	errRestarted = fmt.Errorf("%w: the coordinator was restarted, and has nothing of what there was before", ErrNotFound)
	errDied      = fmt.Errorf("%w: the session with the coordinator was lost, and what it had in shared memory with it", ErrNotFound)
	errRemoved   = fmt.Errorf("%w: the session with the coordinator was lost, and the object was removed meanwhile", ErrNotFound)
)

// maxNameLen bounds an object's name, in bytes.
const maxNameLen = 1024

// openRemote makes or attaches an object. op is "new" or "open".
func openRemote(b backend, op, kind, name, typ string, mode coord.Mode) (*remote, error) {
	r := &remote{b: b, kind: kind, name: name, typ: typ}
	if err := r.open(op, mode); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *remote) open(op string, mode coord.Mode) error {
	if err := r.checkName(op); err != nil {
		return r.opError(op, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.b.timeout())
	defer cancel()
	err := r.b.usable()
	var client *coord.Client
	if err == nil {
		client, err = r.b.dial(ctx)
	}
	if err == nil {
		err = r.b.replaced()
	}
	if err == nil {
		err = r.attach(ctx, client, mode)
	}
	if err != nil {
		return r.opError(op, err)
	}
	return nil
}

func (r *remote) checkName(op string) error {
	switch {
	case r.name == "" && op == "new":
		var b [8]byte
		rand.Read(b[:])
		r.name = strings.ToLower(r.kind) + "-" + hex.EncodeToString(b[:])
	case r.name == "":
		return fmt.Errorf("%w: it is empty", ErrName)
	case !utf8.ValidString(r.name):
		return fmt.Errorf("%w: it is not UTF-8", ErrName)
	case len(r.name) > maxNameLen:
		return fmt.Errorf("%w: a name of %d bytes, the limit is %d", ErrTooLarge, len(r.name), maxNameLen)
	}
	return nil
}

// remoteMode reads a constructor's options, of which objects in the
// coordinator know only Exclusive.
func remoteMode(kind, name string, opts []Option) (coord.Mode, error) {
	var o options
	for _, opt := range opts {
		opt.apply(&o)
	}
	for _, used := range o.used {
		if used != "Exclusive" {
			return 0, &OpError{Op: "new", Kind: kind, Name: name, Err: fmt.Errorf("%w: a %s has no option %s", ErrType, kind, used)}
		}
	}
	if o.exclusive {
		return coord.Exclusive, nil
	}
	return coord.Create, nil
}

// attach opens the object in client's session.
func (r *remote) attach(ctx context.Context, client *coord.Client, mode coord.Mode) error {
	at, id, ident, details, err := r.openAt(ctx, client, mode)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at, r.id, r.ident, r.details = at, id, ident, details
	return nil
}

func (r *remote) openAt(ctx context.Context, client *coord.Client, mode coord.Mode) (at place, id uint64, ident coord.Identity, details []byte, err error) {
	var params []byte
	if mode != coord.Attach {
		params = r.params
	}
	for {
		at = placeOf(client)
		id, ident, details, err = client.OpenDetails(ctx, protocolKind(r.kind), r.name, r.typ, params, mode)
		switch {
		case errors.Is(err, coord.ErrLost) && mode != coord.Exclusive: // once more is as good
		case err == nil && placeOf(client) != at: // whose is id?
			_ = client.ReleaseIn(ctx, at.generation+1, id)
		default:
			return at, id, ident, details, err
		}
	}
}

// session returns where the object is open, and its handle there. In a session that
// it has not been open in it is opened again, if it is still there.
func (r *remote) session(ctx context.Context) (place, uint64, error) {
	client, err := r.b.dial(ctx)
	if err != nil {
		return place{}, 0, err
	}
	now := placeOf(client)
	r.mu.Lock()
	at, id, ident, lost := r.at, r.id, r.ident, r.lost
	if r.closed {
		lost = ErrClosed
	}
	r.mu.Unlock()
	if lost != nil || at == now {
		return at, id, lost
	}
	return r.reopen(ctx, at, id, ident, now)
}

// reopen opens the object, which was at a place that is no more, in another session.
func (r *remote) reopen(ctx context.Context, at place, id uint64, ident coord.Identity, now place) (place, uint64, error) {
	known := at.client != nil && r.tenure != ofName
	switch {
	case known && at.epoch != now.epoch:
		return r.lose(errRestarted)
	case known && r.tenure == ofSession:
		return r.lose(errDied)
	}
	now, newID, newIdent, details, err := r.openAt(ctx, now.client, coord.Attach)
	same := newIdent == ident
	if ident == "" { // it came with its handle alone
		same = newID == id
	}
	switch {
	case err == nil && known && !same: // another one has the name now
		_ = now.client.ReleaseIn(ctx, now.generation, newID)
		return r.lose(errRemoved)
	case err != nil && known && (errors.Is(err, ErrNotFound) || errors.Is(err, ErrType)):
		return r.lose(errRemoved)
	case err != nil:
		return place{}, 0, err
	}
	r.mu.Lock()
	spare := r.at == now || r.closed
	if !spare {
		r.at, r.id, r.ident, r.details = now, newID, newIdent, details
	}
	id = r.id
	closed := r.closed
	r.mu.Unlock()
	if spare { // somebody else was as quick
		_ = now.client.ReleaseIn(ctx, now.generation, newID)
	}
	if closed {
		return place{}, 0, ErrClosed
	}
	return now, id, nil
}

func (r *remote) lose(err error) (place, uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost = err
	return place{}, 0, err
}

func (r *remote) nameOf() string {
	if r == nil {
		return ""
	}
	return r.name
}

// errOf is a handle's Err. Its methods all return errors of their own, so
// there is nothing to say but that it is closed.
func (r *remote) errOf(kind string) error {
	if r == nil {
		return &OpError{Op: "use", Kind: kind, Name: "", Err: errNoHandle}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return r.opError("use", ErrClosed)
	}
	return nil
}

var errNoHandle = fmt.Errorf("%w: the handle was not made by a constructor", ErrClosed)

// close detaches. An object whose coordinator is gone is detached already.
func (r *remote) close(kind string) error {
	if r == nil {
		return &OpError{Op: "close", Kind: kind, Name: "", Err: errNoHandle}
	}
	r.mu.Lock()
	at, id, closed := r.at, r.id, r.closed
	r.closed = true
	r.mu.Unlock()
	if closed || at.client == nil { // a Ref that was never used
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.b.timeout())
	defer cancel()
	err := at.client.ReleaseIn(ctx, at.generation, id)
	if err != nil && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrClosed) {
		return r.opError("close", err)
	}
	return nil
}

// opError says what failed; a context's error goes through unchanged.
func (r *remote) opError(op string, err error) error {
	if isContextError(err) {
		return err
	}
	return &OpError{Op: op, Kind: r.kind, Name: r.name, Err: err}
}
