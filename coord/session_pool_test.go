package coord

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/carom-ipc/carom/internal/errs"
)

// pool is an object whose take waits for an item, which is gone then: a queue
// and a semaphore, as far as sessions are concerned.
type pool struct {
	items   chan uint64
	entered chan struct{}
	taken   atomic.Int64
	deaf    atomic.Bool // take does not hear of cancellation
}

func newPool() *pool {
	return &pool{items: make(chan uint64, 1000), entered: make(chan struct{}, 1000)}
}

func (p *pool) kind() map[string]Kind {
	return map[string]Kind{"pool": KindFunc(func(context.Context, *Session, string, string, []byte) (Object, error) { return p, nil })}
}

func (p *pool) Blocks(method string) bool { return method == "take" }

func (p *pool) Call(ctx context.Context, _ *Session, method string, args, dst []byte) ([]byte, error) {
	switch method {
	case "take":
		if p.deaf.Load() {
			ctx = context.Background()
		}
		p.entered <- struct{}{}
		select {
		case n, ok := <-p.items:
			if !ok {
				return dst, errs.ErrClosed
			}
			p.taken.Add(1)
			return AppendUint(dst, n), nil
		case <-ctx.Done():
			return dst, ctx.Err()
		}
	case "put":
		r := NewReader(args)
		r.Args(1)
		n := r.Uint()
		if r.Err() != nil {
			return dst, r.Err()
		}
		p.items <- n
		return AppendNull(dst), nil
	}
	return dst, NoMethod("pool", method)
}

func (p *pool) Close() {}

// taken is the result of a take.
func takenItem(out []byte, err error) (uint64, error) {
	if err != nil {
		return 0, err
	}
	r := NewReader(out)
	n := r.Uint()
	return n, errors.Join(r.Err())
}
