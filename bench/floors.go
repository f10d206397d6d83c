package bench

import (
	"context"
	"sync/atomic"

	"github.com/carom-ipc/carom"
)

// Floors: the least that the hardware and the kernel make one pay. Memory that processes
// share is an Array's slice here, used by sync/atomic directly.

const lineWords = 32 // 128 bytes, two cache lines, which processors fetch together

func init() {
	add(Case{Name: "RoundTrip/impl=cacheline/procs=2", Open: twoWords(placed, "line ping", "line pong")})
	roles["line ping"] = func(_ context.Context, m *carom.Manager, p party) (share, error) {
		a, err := carom.OpenArray[uint32](m, p.Object)
		if err != nil {
			return nil, err
		}
		there, back := &a.Slice()[0], &a.Slice()[lineWords]
		return func(_ context.Context, n int) (finished, error) {
			first := atomic.LoadUint32(there)
			for i := range uint32(n) {
				atomic.StoreUint32(there, first+i+1)
				for atomic.LoadUint32(back) != first+i+1 {
				}
			}
			return finished{}, nil
		}, nil
	}
	roles["line pong"] = func(_ context.Context, m *carom.Manager, p party) (share, error) {
		a, err := carom.OpenArray[uint32](m, p.Object)
		if err != nil {
			return nil, err
		}
		there, back := &a.Slice()[0], &a.Slice()[lineWords]
		return func(_ context.Context, n int) (finished, error) {
			first := atomic.LoadUint32(back)
			for i := range uint32(n) {
				for atomic.LoadUint32(there) != first+i+1 {
				}
				atomic.StoreUint32(back, first+i+1)
			}
			return finished{}, nil
		}, nil
	}
}

// twoWords is a case of two parties and a word for each direction.
func twoWords(place func(...party) []party, ping, pong string) func(*Env) (Run, error) {
	return func(e *Env) (Run, error) {
		a, err := carom.NewArray[uint32](e.M, "", 2*lineWords)
		if _, err := own(e, a, err); err != nil {
			return nil, err
		}
		return e.cast(place(party{Role: ping, Object: a.Name()}, party{Role: pong, Object: a.Name()})...)
	}
}
