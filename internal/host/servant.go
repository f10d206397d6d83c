package host

import (
	"context"
	"fmt"
	"reflect"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/naming"
)

// servant is an instance under a name of the registry.
type servant struct{ *instance }

// Blocks implements coord.Blocker: any method may wait, if only for its turn.
func (servant) Blocks(string) bool { return true }

// Methods implements coord.Lister.
func (s *servant) Methods() []string { return s.t.names }

// Close implements coord.Object.
func (s *servant) Close() { s.h.release(s.instance) }

// product is what a method made: an encoded result, or what becomes an object.
type product struct {
	result []byte
	object reflect.Value
}

// Call implements coord.Object.
func (s *servant) Call(ctx context.Context, sess *coord.Session, name string, args, dst []byte) ([]byte, error) {
	m, err := s.method(name)
	if err != nil {
		return dst, err
	}
	if m.stream != atOnce {
		return dst, fmt.Errorf("%w: %s gives a stream, see Iterate", errs.ErrType, m.name)
	}
	in, err := m.decode(s.h.config.Codec, args)
	if err != nil {
		return dst, err
	}
	if err := s.enter(ctx); err != nil {
		return dst, err
	}
	ctx = s.h.config.Context(ctx)
	p, err := run(ctx, s.h, s.t.typeid, name, func() (product, error) {
		defer s.leave()
		return s.produce(ctx, m, in)
	}, s.discard(m))
	switch {
	case err != nil:
		return dst, err
	case !p.object.IsValid():
		if err := sess.CheckResult(p.result); err != nil {
			return dst, err
		}
		return append(dst, p.result...), nil
	}
	objectName, handle, err := s.h.deliver(sess, s.h.types[m.returns], p.object)
	if err != nil {
		return dst, err
	}
	b, err := s.h.config.Reference(m.returns, objectName, handle)
	return append(dst, b...), err
}

func (s *servant) method(name string) (*method, error) {
	if m := s.t.methods[name]; m != nil {
		return m, nil
	}
	if err := s.t.unfit[name]; err != nil {
		return nil, fmt.Errorf("%w: %s has no method %s that can be called: %w", errs.ErrNotFound, s.t.typeid, naming.Quote(name), err)
	}
	return nil, fmt.Errorf("%w: %s has no method %s, or does not expose it", errs.ErrNotFound, s.t.typeid, naming.Quote(name))
}

// produce runs the method, in its turn, and encodes what it returns while nobody else
// changes it.
func (s *servant) produce(ctx context.Context, m *method, in []reflect.Value) (product, error) {
	results, err := m.call(ctx, s.v.MethodByName(m.method), in)
	if err != nil {
		return product{}, err
	}
	if m.returns != "" {
		v, ok := s.h.types[m.returns].object(results[0])
		if !ok {
			return product{result: codec.Null}, nil
		}
		return product{object: v}, nil
	}
	b, err := s.encode(results)
	return product{result: b}, err
}

// encode encodes the results of a method.
func (s *servant) encode(results []reflect.Value) ([]byte, error) {
	switch len(results) {
	case 0:
		return codec.Null, nil
	case 1:
		return codec.AppendResult(s.h.config.Codec, nil, results[0].Interface())
	}
	all := make([]any, len(results))
	for i, r := range results {
		all[i] = r.Interface()
	}
	return codec.AppendResult(s.h.config.Codec, nil, all)
}

// discard gets what a method made when its caller had left.
func (s *servant) discard(m *method) func(product) {
	return func(p product) {
		if p.object.IsValid() {
			s.h.release(s.h.use(s.h.types[m.returns], p.object))
		}
	}
}
