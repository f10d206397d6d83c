package carom

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
)

// host keeps the objects of registered types in a coordinator. Each is an instance, which
// the coordinator's registry has under a name, as a servant.
type host struct {
	codec   Codec
	log     *slog.Logger
	manager *Manager // the coordinator's own
	types   map[string]*registered

	mu        sync.Mutex
	instances map[identity]*instance // those that can be told from others
	closing   sync.WaitGroup         // of instances
}

// identity is what makes two results of methods the same object.
type identity struct {
	typeid  string
	pointer any
}

// instance is an object. It goes with the last servant that stands for it.
type instance struct {
	h    *host
	t    *registered
	v    reflect.Value
	id   identity      // zero if it cannot be told from others
	turn chan struct{} // full while a method runs; nil: any number may

	adopting sync.Mutex
	name     string // under which the registry had it last; guarded by adopting

	uses int // servants, and those that are about to be; guarded by host.mu
}

// newHost takes in what is registered so far.
func newHost(codec Codec, log *slog.Logger) (*host, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	types.Lock()
	h := &host{codec: codec, log: log, types: maps.Clone(types.byID), instances: map[identity]*instance{}}
	types.Unlock()
	for typeid, t := range h.types {
		for name, m := range t.methods {
			if m.returns == "" {
				continue
			}
			to, ok := h.types[m.returns]
			if !ok {
				return nil, fmt.Errorf("%s.%s returns a %s, which is not registered: %w", typeid, name, m.returns, ErrNotFound)
			}
			if !to.accepts(m.results[0]) {
				return nil, fmt.Errorf("%s.%s returns a %v, which is no %s, a %v: %w", typeid, name, m.results[0], m.returns, to.given, ErrType)
			}
		}
	}
	return h, nil
}

// kinds are what the coordinator serves.
func (h *host) kinds() map[string]coord.Kind {
	kinds := make(map[string]coord.Kind, len(h.types))
	for typeid, t := range h.types {
		kinds[typeid] = hostKind{h, t}
	}
	return kinds
}

// hostKind makes objects of a type by its factory.
type hostKind struct {
	h *host
	t *registered
}

// New implements coord.Kind.
func (k hostKind) New(ctx context.Context, _ *coord.Session, name, _ string, params []byte) (coord.Object, error) {
	if k.t.noCreate {
		return nil, errNoCreate(k.t.typeid)
	}
	if params == nil {
		params = cborNull
	}
	args, err := k.t.maker.decode(k.h.codec, params)
	if err != nil {
		return nil, err
	}
	ctx = k.h.context(ctx)
	s, err := run(ctx, k.h, k.t.typeid, "new", func() (*servant, error) {
		results, err := k.t.maker.call(ctx, k.t.factory, args)
		if err != nil {
			return nil, err
		}
		v, ok := k.t.object(results[0])
		if !ok {
			return nil, errors.New("the factory made nothing")
		}
		return &servant{k.h.use(k.t, v)}, nil
	}, (*servant).Close)
	if err != nil {
		return nil, err
	}
	s.adopting.Lock()
	s.name = name
	s.adopting.Unlock()
	return s, nil
}

// context is what methods, factories and initializers get.
func (h *host) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, ownManager{}, h.manager)
}

// run calls f, which is the user's code, in a goroutine of its own, survives its panic,
// and leaves it to itself when ctx ends: then discard gets what it makes.
func run[T any](ctx context.Context, h *host, typeid, method string, f func() (T, error), discard func(T)) (T, error) {
	type outcome struct {
		v   T
		err error
	}
	done, left := make(chan outcome), make(chan struct{})
	go func() {
		o := outcome{err: &errs.RemoteError{Type: typeid, Method: method, Message: "the goroutine was ended"}}
		defer func() {
			if p := recover(); p != nil {
				o.err = h.panicked(typeid, method, p)
			}
			select {
			case done <- o:
			case <-left:
				if o.err == nil {
					discard(o.v)
				}
			}
		}()
		o.v, o.err = f()
		o.err = failure(typeid, method, o.err)
	}()
	select {
	case o := <-done:
		return o.v, o.err
	case <-ctx.Done():
		close(left)
		var zero T
		return zero, ctx.Err()
	}
}

// failure is the error that the caller gets for a method's own.
func failure(typeid, method string, err error) error {
	if err == nil || errs.Code(err) != "" {
		return err
	}
	return &errs.RemoteError{Type: typeid, Method: method, Message: err.Error()}
}

func (h *host) panicked(typeid, method string, p any) error {
	h.log.Error("panic in a method", "type", typeid, "method", method, "panic", p, "stack", string(debug.Stack()))
	return &errs.RemoteError{Type: typeid, Method: method, Message: fmt.Sprintf("panic: %v", p)}
}

// use returns the instance that v is, for one more servant.
func (h *host) use(t *registered, v reflect.Value) *instance {
	i := &instance{h: h, t: t, v: v, uses: 1}
	if !t.concurrent {
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
func (h *host) release(i *instance) {
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
		i.h.log.Warn("an object did not close", "type", i.t.typeid, "error", err)
	}
}

// settle waits for the Close of objects, but not for ever.
func (h *host) settle(patience time.Duration) {
	done := make(chan struct{})
	go func() { h.closing.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		h.log.Error("objects of registered types have not closed", "within", patience)
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
func (h *host) deliver(sess *coord.Session, t *registered, v reflect.Value) (name string, handle uint64, err error) {
	i := h.use(t, v)
	i.adopting.Lock()
	defer i.adopting.Unlock()
	if i.name != "" {
		handle, err = sess.Share(t.typeid, i.name, i.stands)
		if err == nil || !errors.Is(err, ErrNotFound) {
			h.release(i) // the servant that is there stands for it
			return i.name, handle, err
		}
	}
	i.name, handle, err = sess.Adopt(t.typeid, "", &servant{i})
	return i.name, handle, err
}
