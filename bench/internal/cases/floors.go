package cases

import (
	"context"
	"sync/atomic"

	"github.com/carom-ipc/carom"
)

// Floors: the least that the hardware and the kernel make one pay. Memory that processes
// share is an Array's slice here, used by sync/atomic directly.

const lineWords = 32 // 128 bytes, two cache lines, which processors fetch together

func init() {
	Add(Case{Name: "RoundTrip/impl=cacheline/procs=2", Open: twoWords(awake, "line ping", "line pong")})
	Roles["line ping"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		there, back, err := openWords(m, p)
		return func(_ context.Context, n int) (Finished, error) {
			first := atomic.LoadUint32(there)
			for i := range uint32(n) {
				atomic.StoreUint32(there, first+i+1)
				for atomic.LoadUint32(back) != first+i+1 {
				}
			}
			return Finished{}, nil
		}, err
	}
	Roles["line pong"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		there, back, err := openWords(m, p)
		return func(_ context.Context, n int) (Finished, error) {
			first := atomic.LoadUint32(back)
			for i := range uint32(n) {
				for atomic.LoadUint32(there) != first+i+1 {
				}
				atomic.StoreUint32(back, first+i+1)
			}
			return Finished{}, nil
		}, err
	}
}

// twoWords is a case of two parties and a word for each direction.
func twoWords(shape string, ping, pong string) func(*Env) (Run, error) {
	return func(e *Env) (Run, error) {
		a, err := carom.NewArray[uint32](e.M, "", 2*lineWords)
		if _, err := own(e, a, err); err != nil {
			return nil, err
		}
		return e.Cast(shaped(shape, Party{Role: ping, Object: a.Name()}, Party{Role: pong, Object: a.Name()})...)
	}
}

func openWords(m *carom.Manager, p Party) (there, back *uint32, err error) {
	a, err := carom.OpenArray[uint32](m, p.Object)
	if err != nil {
		return nil, nil, err
	}
	return &a.Slice()[0], &a.Slice()[lineWords], nil
}
