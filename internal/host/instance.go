package host

import (
	"context"
	"errors"
	"reflect"
	"sync"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
)

// identity is what makes two results of methods the same object.
type identity struct {
	typeid  string
	pointer any
}

// instance is an object. It goes with the last servant that stands for it.
type instance struct {
	h    *Host
	t    *Type
	v    reflect.Value
	id   identity      // zero if it cannot be told from others
	turn chan struct{} // full while a method runs; nil: any number may

	adopting sync.Mutex
	name     string // under which the registry had it last; guarded by adopting

	uses int // servants, and those that are about to be; guarded by Host.mu
}

// use returns the instance that v is, for one more servant.
func (h *Host) use(t *Type, v reflect.Value) *instance {
	i := &instance{h: h, t: t, v: v, uses: 1}
	if !t.options.Concurrent {
		i.turn = make(chan struct{}, 1)
	}
	if v.Kind() != reflect.Pointer || v.Type().Elem().Size() == 0 { // nothing in it: many may have one address
		return i
	}
	i.id = identity{t.typeid, v.Interface()}
	h.mu.Lock()
	defer h.mu.Unlock()
	if known := h.instances[i.id]; known != nil {
		known.uses++
		return known
	}
	h.instances[i.id] = i
	return i
}

// release takes a use back. With the last, the object goes, in the background: its Close
// is the user's.
func (h *Host) release(i *instance) {
	h.mu.Lock()
	i.uses--
	last := i.uses == 0
	if last && i.id.pointer != nil {
		delete(h.instances, i.id)
	}
	h.mu.Unlock()
	if c, ok := i.v.Interface().(interface{ Close() error }); last && ok {
		h.closing.Go(func() { i.close(c.Close) })
	}
}

func (i *instance) close(f func() error) {
	defer func() {
		if p := recover(); p != nil {
			_ = i.h.panicked(i.t.typeid, "Close", p)
		}
	}()
	_ = i.enter(context.Background()) // behind a call that its caller did not wait for
	defer i.leave()
	if err := f(); err != nil {
		i.h.config.Logger.Warn("an object did not close", "type", i.t.typeid, "error", err)
	}
}

// enter waits for the object's turn.
func (i *instance) enter(ctx context.Context) error {
	if i.turn == nil {
		return nil
	}
	select {
	case i.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (i *instance) leave() {
	if i.turn != nil {
		<-i.turn
	}
}

// stands reports that o stands for the instance: its name may be another object's by now.
func (i *instance) stands(o coord.Object) bool {
	s, ok := o.(*servant)
	return ok && s.instance == i
}

// deliver makes a method's result an object that sess has open.
func (h *Host) deliver(sess *coord.Session, t *Type, v reflect.Value) (name string, handle uint64, err error) {
	i := h.use(t, v)
	i.adopting.Lock()
	defer i.adopting.Unlock()
	if i.name != "" {
		handle, err = sess.Share(t.typeid, i.name, i.stands)
		if err == nil || !errors.Is(err, errs.ErrNotFound) {
			h.release(i) // the servant that is there stands for it
			return i.name, handle, err
		}
	}
	i.name, handle, err = sess.Adopt(t.typeid, "", &servant{i})
	return i.name, handle, err
}
