package carom

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/codec"
)

// Call calls a method of an object of a registered type and returns its result, which
// must fit R. Where the type says that the method's result becomes an object, R is Ref or
// a typed proxy, and wants its Close. Several results are an array: R is a slice, a Pair,
// or a struct that is encoded as an array.
//
// Errors: what the method returned, as Register tells; ErrNotFound if the object is gone
// or has no such method, or none that is exposed; ErrType if arguments or result do not
// fit; ErrClosed, ErrUnavailable, ErrTooLarge as for any object in the coordinator; the
// context's, as soon as it ends, which ends the context that the method has, too.
func Call[R any](ctx context.Context, ref Ref, method string, args ...any) (R, error) {
	var result R
	if err := ref.gives(method, reflect.TypeFor[R]()); err != nil {
		return result, err
	}
	if err := ref.call(ctx, method, args, &result); err != nil {
		var zero R
		return zero, err
	}
	return result, nil
}

// Invoke is Call for a method without a result, or with one that is not wanted.
func Invoke(ctx context.Context, ref Ref, method string, args ...any) error {
	return ref.call(ctx, method, args, nil)
}

// Iterate calls a method whose result is an iter.Seq, an iter.Seq2 or a channel, and
// ranges over what that gives, as the coordinator sends it. Items of an iter.Seq2 are
// Pairs, unless its second is an error, which ends the range instead. The coordinator is
// up to 64 items ahead, and ends the method's context when the range ends. An error, as
// of Call, ends the range.
func Iterate[V any](ctx context.Context, ref Ref, method string, args ...any) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		var zero V
		q := ref.begin(method, args)
		defer q.end()
		if q.err == nil {
			q.fail(ref.gives(method, reflect.TypeFor[V]()))
		}
		s := q.stream(ctx, method)
		if s == nil || q.err != nil {
			yield(zero, q.err)
			return
		}
		defer s.Close()
		with := ref.Manager().codec()
		for batch, err := range s.All(ctx) {
			if q.fail(q.h.released(err)); q.err != nil {
				yield(zero, q.err)
				return
			}
			in := coord.NewReader(batch)
			for range in.Array() {
				var v V
				q.fail(codec.ReadValue(with, in, &v))
				if q.err != nil {
					yield(zero, q.err)
					return
				}
				if !yield(v, nil) {
					return
				}
			}
		}
	}
}

// gives is nil, or ErrType, for the type of a method's result.
func (r Ref) gives(method string, t reflect.Type) error {
	if h := r.base().h; h != nil {
		return h.fail(method, codec.TravelsBy(h.m.codec(), t))
	}
	return nil
}

// begin begins a call of a registered type's method.
func (r Ref) begin(method string, args []any) *request {
	q := r.base().h.request(method, 0)
	if q.err != nil {
		return q
	}
	if kind := r.Kind(); isBuiltin(kind) {
		q.fail(fmt.Errorf("%w: a %s has a handle of its own, open it with Open%s", ErrType, kind, kind))
		return q
	}
	var err error
	q.args, err = codec.AppendArguments(r.Manager().codec(), q.args[:0], args)
	q.fail(err)
	return q
}

// call calls method and puts its result where result points to, or nowhere if it is nil.
func (r Ref) call(ctx context.Context, method string, args []any, result any) error {
	q := r.begin(method, args)
	defer q.end()
	if q.err != nil {
		return q.err
	}
	for {
		at, id, err := q.h.session(ctx)
		if err == nil {
			call := coord.Request{Handle: id, Session: at.generation, Method: method, Args: q.args, Late: q.h.late(at)}
			q.out, err = at.client.Do(ctx, call, q.out[:0])
		}
		if errors.Is(err, coord.ErrStale) {
			continue // the session was lost just now, before the call was made
		}
		if err == nil {
			err = q.h.result(at, q.out, result)
		}
		q.fail(q.h.released(err))
		return q.err
	}
}

// late gives an object back that a method returned when its caller had left.
func (h *handle) late(at place) func([]byte) {
	return func(raw []byte) {
		if w, ok, _ := readOpened(raw); ok {
			_ = h.made(at, w).Close()
		}
	}
}

// made is the handle of an object that a method returned.
func (h *handle) made(at place, w openedHandle) Ref {
	return refTo(&handle{m: h.m, kind: w.Kind, name: w.Name, r: &remote{at: at, id: w.handle}})
}

func (h *handle) result(at place, raw []byte, result any) error {
	if w, ok, err := readOpened(raw); ok || err != nil {
		if err != nil {
			return err
		}
		got := h.made(at, w)
		switch {
		case result == nil:
			return got.Close()
		case !got.put(result):
			_ = got.Close()
			return fmt.Errorf("%w: the result is a %s, which does not fit a %v", ErrType, w.Kind, reflect.TypeOf(result).Elem())
		}
		return nil
	}
	if result == nil {
		return nil
	}
	in := coord.NewReader(raw)
	if in.Null() { // a zero value, as CBOR has it, whatever the codec
		return nil
	}
	return codec.ReadValue(h.m.codec(), in, result)
}

// holder is a Ref, or what embeds one.
type holder interface{ hold(Ref) }

func (r *Ref) hold(x Ref) { *r = x }

// put stores the Ref where result points to, if it is for handles.
func (r Ref) put(result any) bool {
	switch p := result.(type) {
	case holder:
		p.hold(r)
		return true
	case *any:
		*p = r
		return true
	}
	target := reflect.ValueOf(result).Elem()
	if target.Kind() != reflect.Pointer {
		return false
	}
	fresh := reflect.New(target.Type().Elem())
	h, ok := fresh.Interface().(holder)
	if ok {
		h.hold(r)
		target.Set(fresh)
	}
	return ok
}
