package carom

import (
	"fmt"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/codec"
)

// New makes sure that there is an object called name, and opens it: it is made of args by
// the type's factory, unless it is there, in which case args count for nothing. "" asks
// for a name of its own. Among args, the option Exclusive turns "opens" into ErrExists.
//
// Errors: ErrType if the name belongs to something else, if args do not fit the factory,
// or if the type is NoCreate; ErrNotFound if the coordinator's program does not register
// the type; what the factory returned, as of a method.
func (t *Type[T]) New(m *Manager, name string, args ...any) (Ref, error) {
	var opts []Option
	var values []any
	for _, arg := range args {
		if opt, ok := arg.(Option); ok {
			opts = append(opts, opt)
		} else {
			values = append(values, arg)
		}
	}
	typeid := t.r.typeid
	mode, err := remoteMode(typeid, name, opts)
	if err != nil {
		return Ref{}, err
	}
	if m == nil {
		return Ref{}, &OpError{Op: "new", Kind: typeid, Name: name, Err: errNoManager}
	}
	r := &remote{b: m, kind: typeid, name: name}
	if t.r.noCreate {
		return Ref{}, r.opError("new", errNoCreate(typeid))
	}
	if r.params, err = codec.AppendArguments(m.codec(), nil, values); err != nil {
		return Ref{}, r.opError("new", err)
	}
	return openRef(r, "new", mode)
}

// Open opens the object called name. ErrNotFound: there is none. ErrType: it is something
// else.
func (t *Type[T]) Open(m *Manager, name string) (Ref, error) {
	if m == nil {
		return Ref{}, &OpError{Op: "open", Kind: t.r.typeid, Name: name, Err: errNoManager}
	}
	return openRef(&remote{b: m, kind: t.r.typeid, name: name}, "open", coord.Attach)
}

func openRef(r *remote, op string, mode coord.Mode) (Ref, error) {
	if err := r.open(op, mode); err != nil {
		return Ref{}, err
	}
	return Ref{r}, nil
}

func errNoCreate(typeid string) error {
	return fmt.Errorf("%w: a %s is made by methods of other objects only", ErrType, typeid)
}
