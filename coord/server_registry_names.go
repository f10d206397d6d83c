package coord

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/naming"
)

func errNoName(name string) error {
	return fmt.Errorf("%w: no object is called %s", errs.ErrNotFound, naming.Quote(name))
}

// adopt enters obj under a name of its own, which goes with the last reference. The caller
// gets one.
func (r *registry) adopt(ctx context.Context, kind, typ string, obj Object) (*object, error) {
	name := naming.Random(kind)
	done, err := r.turn(ctx, name)
	if err != nil {
		return nil, err
	}
	defer done()
	cost := int64(objectCost + len(name) + len(typ))
	if err := r.pay.Reserve(cost); err != nil {
		return nil, err
	}
	o, err := r.claim(ctx, name, kind, typ)
	if err != nil {
		r.pay.Free(cost)
		return nil, err
	}
	o.obj = obj
	close(o.ready)
	return o, nil
}

// claim enters a transient object under a name that nobody has.
func (r *registry) claim(ctx context.Context, name, kind, typ string) (*object, error) {
	e, made, err := r.names.Claim(ctx, name, kind, typ)
	if err != nil {
		return nil, err
	}
	if !made {
		return nil, fmt.Errorf("%w: %q is %s", errs.ErrExists, name, describe(e.Kind, e.Type))
	}
	return r.enter(e, name, true)
}

// share returns an object that is there and that is accepts, on which the caller gets a
// reference.
func (r *registry) share(ctx context.Context, kind, name string, is func(Object) bool) (*object, error) {
	done, err := r.turn(ctx, name)
	if err != nil {
		return nil, err
	}
	defer done()
	e, err := r.names.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	o := r.refer(e.ID, func(o *object) bool { return o.kind == kind && o.isReady() && o.err == nil && is(o.obj) })
	if o == nil {
		return nil, fmt.Errorf("%w: no such %s is called %s", errs.ErrNotFound, kind, naming.Quote(name))
	}
	return o, nil
}

// remove takes an object's name away.
func (r *registry) remove(ctx context.Context, name string) error {
	done, err := r.turn(ctx, name)
	if err != nil {
		return err
	}
	e, err := r.names.Remove(ctx, name)
	r.mu.Lock()
	var last *object
	if o := r.named[e.ID]; err == nil && o != nil {
		r.forget(o)
		if o.spent() {
			last = o
		}
	}
	r.mu.Unlock()
	done()
	if last != nil {
		r.dispose(last)
	}
	if errors.Is(err, errs.ErrNotFound) {
		return errNoName(name)
	}
	return err
}

// list describes all objects, in the order of their names.
func (r *registry) list(ctx context.Context) ([]Info, error) {
	infos, err := r.names.List(ctx)
	if err != nil {
		return nil, err
	}
	own := make([]*object, len(infos))
	r.mu.Lock()
	for i := range infos {
		if o := r.named[infos[i].ID]; o != nil {
			own[i], infos[i].Sessions = o, o.refs
		}
	}
	r.mu.Unlock()
	made := infos[:0]
	for i, info := range infos { // an object may take a lock of its own
		if o := own[i]; o != nil {
			if !o.isReady() || o.err != nil {
				continue
			}
			if s, ok := o.obj.(Sizer); ok {
				info.Len, info.Size = s.Len(), s.Size()
			}
		}
		made = append(made, info)
	}
	slices.SortFunc(made, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return made, nil
}
