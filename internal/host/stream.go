package host

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/internal/errs"
)

// itemsAhead is how far a stream's method may be ahead of the client.
const itemsAhead = 64

// Stream implements coord.Streamer. The method begins with the first Next, which may wait.
func (s *servant) Stream(sess *coord.Session, name string, args []byte) (coord.Stream, error) {
	m, err := s.method(name)
	if err != nil {
		return nil, err
	}
	if m.stream == atOnce {
		return nil, fmt.Errorf("%w: %s gives no stream", errs.ErrType, m.name)
	}
	st := &objectStream{s: s, m: m, sess: sess, args: append([]byte(nil), args...), items: make(chan streamItem, itemsAhead)}
	st.ctx, st.cancel = context.WithCancel(s.h.config.Context(sess.Context()))
	return st, nil
}

// objectStream is a method at work whose result is a stream: it runs in a goroutine of its
// own and goes on while the client has not fallen behind too far.
type objectStream struct {
	s      *servant
	m      *method
	sess   *coord.Session
	args   []byte
	ctx    context.Context // of the method
	cancel context.CancelFunc
	begin  sync.Once
	items  chan streamItem
	over   *streamItem // taken, and too large for the batch before it
	err    error       // for the Next that comes
}

type streamItem struct {
	b   []byte
	err error
}

// Next implements coord.Stream: it waits for one item and takes what else is there.
func (st *objectStream) Next(ctx context.Context, dst []byte) ([]byte, bool, error) {
	st.begin.Do(func() { go st.run() })
	if st.err != nil {
		return dst, false, st.err
	}
	item, more, err := st.first(ctx)
	if err != nil {
		return dst, false, err
	}
	var batch []byte
	n := 0
	for more && item.err == nil {
		if n > 0 && len(batch)+len(item.b) > st.sess.Batch() {
			st.over = &item
			break
		}
		batch = append(batch, item.b...)
		n++
		select {
		case item, more = <-st.items:
			continue
		default:
		}
		break
	}
	if item.err != nil && n == 0 {
		return dst, false, item.err
	}
	st.err = item.err
	return append(coord.AppendArray(dst, n), batch...), more, nil
}

// first waits for the item with which a batch begins.
func (st *objectStream) first(ctx context.Context) (item streamItem, more bool, err error) {
	if st.over != nil {
		item, st.over = *st.over, nil
		return item, true, nil
	}
	select {
	case item, more = <-st.items:
		return item, more, nil
	case <-ctx.Done():
		return item, false, ctx.Err()
	case <-st.ctx.Done(): // by Close
		return item, false, errs.ErrClosed
	}
}

// Close implements coord.Stream.
func (st *objectStream) Close() { st.cancel() }

// run is the method's goroutine.
func (st *objectStream) run() {
	defer close(st.items)
	if err := st.produce(); err != nil {
		st.send(streamItem{err: err})
	}
}

// produce calls the method and passes on what comes out of its result. It has the object's
// turn while the code of the method runs, but for the body of its range, and leaves it to
// others while an item waits to be taken.
func (st *objectStream) produce() (err error) {
	s, m := st.s, st.m
	in, err := m.decode(s.h.config.Codec, st.args)
	if err != nil {
		return err
	}
	if err := s.enter(st.ctx); err != nil {
		return err
	}
	inTurn := true
	defer func() {
		if p := recover(); p != nil {
			err = s.h.panicked(s.t.typeid, m.method, p)
		}
		if inTurn {
			s.leave()
		}
	}()
	results, err := m.call(st.ctx, s.v.MethodByName(m.method), in)
	if err != nil {
		return failure(s.t.typeid, m.method, err)
	}
	pass := func(v any) (err error) {
		b, err := st.encode(v)
		if err != nil {
			return err
		}
		s.leave()
		inTurn = false
		if !st.send(streamItem{b: b}) {
			return st.ctx.Err()
		}
		if err = s.enter(st.ctx); err == nil {
			inTurn = true
		}
		return err
	}
	out := results[0]
	if out.IsNil() {
		return nil
	}
	switch m.stream {
	case values:
		for v := range out.Seq() {
			if err := pass(v.Interface()); err != nil {
				return err
			}
		}
	case channel:
		s.leave()
		inTurn = false
		return st.receive(out)
	default:
		for k, v := range out.Seq2() {
			item := k.Interface()
			if m.stream == pairs {
				item = []any{item, v.Interface()}
			} else if err, _ := v.Interface().(error); err != nil {
				return failure(s.t.typeid, m.method, err)
			}
			if err := pass(item); err != nil {
				return err
			}
		}
	}
	return nil
}

// receive passes on what comes out of a channel, until it is closed.
func (st *objectStream) receive(ch reflect.Value) error {
	cases := []reflect.SelectCase{
		{Dir: reflect.SelectRecv, Chan: ch},
		{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(st.ctx.Done())},
	}
	for {
		chosen, v, ok := reflect.Select(cases)
		if chosen == 1 {
			return st.ctx.Err()
		}
		if !ok {
			return nil
		}
		b, err := st.encode(v.Interface())
		if err != nil {
			return err
		}
		if !st.send(streamItem{b: b}) {
			return st.ctx.Err()
		}
	}
}

func (st *objectStream) encode(item any) ([]byte, error) {
	b, err := codec.AppendResult(st.s.h.config.Codec, nil, item)
	if err == nil {
		err = st.sess.CheckResult(b)
	}
	return b, err
}

// send reports whether the item is on its way.
func (st *objectStream) send(item streamItem) bool {
	select {
	case st.items <- item:
		return true
	case <-st.ctx.Done():
		return false
	}
}
