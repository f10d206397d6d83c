package served

import (
	"context"
	"fmt"
	"strings"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// opener opens the objects of one kind.
type opener struct {
	hall *hall
	kind shm.Kind
	open func(*opening) (coord.Opened, error)
}

// opening is a request to open an object.
type opening struct {
	ctx    context.Context
	sess   *coord.Session
	arena  *shm.Arena // the session's
	again  *renewals  // likewise
	kind   string
	number shm.Kind
	name   string
	typ    string
	mode   coord.Mode
	params *coord.Reader // inside the array; nil if they do not matter
}

// Open implements coord.Opener.
func (o opener) Open(ctx context.Context, sess *coord.Session, name, typ string, params []byte, mode coord.Mode) (coord.Opened, error) {
	m, err := o.hall.member(sess)
	if err != nil {
		return coord.Opened{}, err
	}
	op := &opening{ctx: ctx, sess: sess, arena: m.arena, again: &m.again, kind: strings.ToLower(o.kind.String()), number: o.kind,
		name: name, typ: typ, mode: mode}
	if mode != coord.Attach {
		if err := o.hall.admitType(m, typ); err != nil {
			return coord.Opened{}, err
		}
		op.params = coord.NewReader(params)
	}
	opened, err := o.open(op)
	if err != nil {
		return coord.Opened{}, fmt.Errorf("%s %q: %w", op.kind, name, err)
	}
	return opened, nil
}

// creates enters n parameters, and reports whether they matter: the object may have to be
// made, or compared with them.
func (o *opening) creates(n int) bool {
	if o.params == nil {
		return false
	}
	o.params.Args(n)
	return o.params.Err() == nil
}

// paramErr is what is wrong with the parameters.
func (o *opening) paramErr() error {
	if o.params == nil || o.params.Err() == nil {
		return nil
	}
	return fmt.Errorf("parameters: %w", o.params.Err())
}

// untyped refuses an element type where the kind has none.
func (o *opening) untyped() error {
	if o.typ != "" {
		return fmt.Errorf("%w: a %s has no element type, not %.100q", errs.ErrType, o.kind, o.typ)
	}
	return nil
}

// complete adds to s what is the same for all kinds.
func (o *opening) complete(s shm.Spec) shm.Spec {
	s.Name, s.Kind, s.Type = o.name, o.number, o.typ
	s.Exclusive = o.mode == coord.Exclusive
	s.OpenOnly = o.mode == coord.Attach
	s.Any = s.OpenOnly
	return s
}

// attach has the arena open the object.
func (o *opening) attach(s shm.Spec) (*shm.Handle, bool, error) {
	return o.arena.Open(o.ctx, o.complete(s))
}

// opened is the answer: an object that performs its methods by it. last (may be nil) gives
// back what its calls have left in its hands, when the session has released it.
func opened[T any](o *opening, obj *shm.Handle, created bool, it T, methods map[string]method[T], last func(), details []byte) coord.Opened {
	obj.Bind(nil, last)
	return coord.Opened{Object: &object[T]{it: it, kind: o.kind, sess: o.sess, methods: methods, h: obj},
		ID: identityOf(obj.Index, obj.Serial), Created: created, Type: obj.Type, Details: details}
}
