package coord

import (
	"context"
	"errors"
	"fmt"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/naming"
	"github.com/carom-ipc/carom/internal/signature"
)

// wanted is what a client asks to have opened.
type wanted struct {
	kind, name, typ string
	params          []byte
	mode            Mode
}

// open returns the object that the client wants, on which the caller gets a reference.
func (r *registry) open(ctx context.Context, sess *Session, w wanted) (o *object, created bool, err error) {
	if err := naming.Check(w.name); err != nil {
		return nil, false, err
	}
	if op := r.openers[w.kind]; op != nil {
		return r.openElsewhere(ctx, sess, op, w)
	}
	for {
		o, made, err := r.find(ctx, w)
		if err != nil {
			return nil, false, err
		}
		if made {
			// Without the turn: a kind may take its time. Clients that open the same name
			// meanwhile wait for ready.
			if err := r.make(ctx, sess, o, w.params); err != nil {
				return nil, false, err
			}
			return o, true, nil
		}
		err = o.await(ctx)
		if err == nil {
			err = o.attachable(w)
		}
		if err == nil {
			return o, false, nil
		}
		r.unref(o)
		if !isContextError(err) || ctx.Err() != nil {
			return nil, false, err
		}
		// It was being made by a client that left.
	}
}

// find asks the directory, and has it take the name for the object where that may be
// created; made says that the caller is to make it.
func (r *registry) find(ctx context.Context, w wanted) (o *object, made bool, err error) {
	done, err := r.turn(ctx, w.name)
	if err != nil {
		return nil, false, err
	}
	defer done()
	r.mu.Lock()
	stop := r.stop
	r.mu.Unlock()
	if stop {
		return nil, false, errShutdown
	}
	_, known := r.kinds[w.kind]
	var e Entry
	if w.mode == Attach || !known {
		e, err = r.names.Find(ctx, w.name)
	} else {
		e, made, err = r.names.Claim(ctx, w.name, w.kind, w.typ)
	}
	switch {
	case errors.Is(err, errs.ErrNotFound) && w.mode != Attach && !known:
		return nil, false, fmt.Errorf("%w: the coordinator does not know the type %s; it must be a program that registers it: one that calls carom.Start itself, that Options.Command names, or that calls carom.Serve",
			errs.ErrNotFound, naming.Quote(w.kind))
	case errors.Is(err, errs.ErrNotFound):
		return nil, false, errNoName(w.name)
	case err != nil:
		return nil, false, err
	case made:
		o, err := r.enter(e, w.name, false)
		return o, err == nil, err
	case e.Kind != w.kind:
		return nil, false, e.refuse(w)
	}
	if o := r.refer(e.ID, nil); o != nil {
		return o, false, nil
	}
	return nil, false, fmt.Errorf("%w: %q is %s that this coordinator does not have", errs.ErrUnavailable, w.name, describe(e.Kind, e.Type))
}

// refuse is the error for a client that wants something else under a name.
func (e Entry) refuse(w wanted) error {
	if w.mode == Exclusive {
		return fmt.Errorf("%w: %q is %s", errs.ErrExists, w.name, describe(e.Kind, e.Type))
	}
	return fmt.Errorf("%w: %q is %s, not %s", errs.ErrType, w.name, describe(e.Kind, e.Type), describe(w.kind, w.typ))
}

// await waits until somebody has made the object.
func (o *object) await(ctx context.Context) error {
	select {
	case <-o.ready:
		return o.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// attachable compares an object that was made with what somebody wants.
func (o *object) attachable(w wanted) error {
	is := Entry{o.identity, o.kind, o.typ}
	if w.mode == Exclusive {
		return is.refuse(w)
	}
	if o.typ == "" || w.typ == "" {
		return nil
	}
	if err := signature.Compatible(o.typ, w.typ); err != nil {
		return fmt.Errorf("%w%s", is.refuse(w), signature.Detail(err))
	}
	return nil
}

// make creates what o stands for. If it cannot, the name is given back before anybody who
// waits is told.
func (r *registry) make(ctx context.Context, sess *Session, o *object, params []byte) error {
	o.obj, o.err = r.build(ctx, sess, o, params)
	if o.err != nil {
		done, _ := r.turn(context.Background(), o.name)
		r.names.Drop(o.name, o.identity)
		r.mu.Lock()
		o.gone = true
		r.forget(o)
		r.mu.Unlock()
		done()
	}
	close(o.ready)
	return o.err
}

// build has the kind make an object, and pays for it.
func (r *registry) build(ctx context.Context, sess *Session, o *object, params []byte) (obj Object, err error) {
	if err := r.pay.Reserve(o.cost); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = sess.srv.panicked(o.kind, "new", p)
		}
		if err != nil {
			r.pay.Free(o.cost)
		}
	}()
	return r.kinds[o.kind].New(ctx, sess, o.name, o.typ, params)
}

// openElsewhere has an Opener open what lives beyond the coordinator.
func (r *registry) openElsewhere(ctx context.Context, sess *Session, op Opener, w wanted) (o *object, created bool, err error) {
	if err := r.pay.Reserve(objectCost); err != nil {
		return nil, false, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = sess.srv.panicked(w.kind, "open", p)
		}
		if err != nil {
			r.pay.Free(objectCost)
		}
	}()
	opened, err := op.Open(ctx, sess, w.name, w.typ, w.params, w.mode)
	if err != nil {
		return nil, false, err
	}
	if len(opened.ID) > MaxIdentity {
		opened.Object.Close()
		return nil, false, errLongIdentity(opened.ID)
	}
	o = &object{identity: opened.ID, name: w.name, kind: w.kind, typ: opened.Type, ready: make(chan struct{}), obj: opened.Object,
		details: opened.Details, refs: 1, removed: true, cost: objectCost}
	close(o.ready)
	return o, opened.Created, nil
}

func errLongIdentity(id Identity) error {
	return fmt.Errorf("%w: the directory identifies an object by %d bytes, 1 to %d are allowed", errs.ErrCorrupt, len(id), MaxIdentity)
}
