package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"sync"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/internal/errs"
)

// Config is what a Host needs of the coordinator around it.
type Config struct {
	Codec  codec.Codec
	Logger *slog.Logger // nil: discard
	// Context makes what factories and methods get of the context of a call.
	Context func(context.Context) context.Context
	// Reference encodes the result of a method that made it an object, which the caller has
	// open by handle.
	Reference func(typeid, name string, handle uint64) ([]byte, error)
}

// Host keeps the objects of registered types in a coordinator. Each is an instance, which
// the coordinator's registry has under a name, as a servant.
type Host struct {
	config Config
	types  map[string]*Type

	mu        sync.Mutex
	instances map[identity]*instance // those that can be told from others
	closing   sync.WaitGroup         // of instances
}

// New takes in what is registered so far. ErrNotFound, ErrType: a method returns a type
// that is not registered, or something else.
func New(c Config) (*Host, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	types.Lock()
	h := &Host{config: c, types: maps.Clone(types.byID), instances: map[identity]*instance{}}
	types.Unlock()
	for typeid, t := range h.types {
		for name, m := range t.methods {
			if m.returns == "" {
				continue
			}
			to, ok := h.types[m.returns]
			if !ok {
				return nil, fmt.Errorf("%s.%s returns a %s, which is not registered: %w", typeid, name, m.returns, errs.ErrNotFound)
			}
			if !to.accepts(m.results[0]) {
				return nil, fmt.Errorf("%s.%s returns a %v, which is no %s, a %v: %w", typeid, name, m.results[0], m.returns, to.given, errs.ErrType)
			}
		}
	}
	return h, nil
}

// Kinds are what the coordinator serves.
func (h *Host) Kinds() map[string]coord.Kind {
	kinds := make(map[string]coord.Kind, len(h.types))
	for typeid, t := range h.types {
		kinds[typeid] = hostKind{h, t}
	}
	return kinds
}

// hostKind makes objects of a type by its factory.
type hostKind struct {
	h *Host
	t *Type
}

// New implements coord.Kind.
func (k hostKind) New(ctx context.Context, _ *coord.Session, name, _ string, params []byte) (coord.Object, error) {
	if err := k.t.Creates(); err != nil {
		return nil, err
	}
	if params == nil {
		params = codec.Null
	}
	args, err := k.t.maker.decode(k.h.config.Codec, params)
	if err != nil {
		return nil, err
	}
	ctx = k.h.config.Context(ctx)
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

// run calls f, which is the user's code, in a goroutine of its own, survives its panic,
// and leaves it to itself when ctx ends: then discard gets what it makes.
func run[T any](ctx context.Context, h *Host, typeid, method string, f func() (T, error), discard func(T)) (T, error) {
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

func (h *Host) panicked(typeid, method string, p any) error {
	h.config.Logger.Error("panic in a method", "type", typeid, "method", method, "panic", p, "stack", string(debug.Stack()))
	return &errs.RemoteError{Type: typeid, Method: method, Message: fmt.Sprintf("panic: %v", p)}
}

// Settle waits for the Close of objects, for as long as its patience lasts.
func (h *Host) Settle(patience time.Duration) {
	done := make(chan struct{})
	go func() { h.closing.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		h.config.Logger.Error("objects of registered types have not closed", "within", patience)
	}
}
