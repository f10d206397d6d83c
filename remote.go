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

	mu      sync.Mutex
	client  *coord.Client // whose session id belongs to
	id      uint64
	details []byte // what the kind told of the object
	closed  bool
}

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
	err := r.b.otherKind(ctx, r.name, r.kind)
	var client *coord.Client
	if err == nil {
		client, err = r.b.dial(ctx)
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

// attach opens the object in client's session. r.mu is held, or r is new.
func (r *remote) attach(ctx context.Context, client *coord.Client, mode coord.Mode) error {
	var params []byte
	if mode != coord.Attach {
		params = r.params
	}
	id, details, err := client.OpenDetails(ctx, protocolKind(r.kind), r.name, r.typ, params, mode)
	if err != nil {
		return err
	}
	r.client, r.id, r.details = client, id, details
	return nil
}

// session returns the client and the object's id there. After a reconnection
// the object is attached again: it is there under its name, or not at all.
func (r *remote) session(ctx context.Context) (*coord.Client, uint64, error) {
	client, err := r.b.dial(ctx)
	if err != nil {
		return nil, 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, 0, ErrClosed
	}
	if r.client != client {
		if err := r.attach(ctx, client, coord.Attach); err != nil {
			return nil, 0, err
		}
	}
	return client, r.id, nil
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
	client, id, closed := r.client, r.id, r.closed
	r.closed = true
	r.mu.Unlock()
	if closed || client == nil { // a Ref that was never used
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.b.timeout())
	defer cancel()
	err := client.Release(ctx, id)
	if err != nil && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrClosed) {
		return r.opError("close", err)
	}
	return nil
}

// opError says what failed; a context's error goes through unchanged.
func (r *remote) opError(op string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &OpError{Op: op, Kind: r.kind, Name: r.name, Err: err}
}
