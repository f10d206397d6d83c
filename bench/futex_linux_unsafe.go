//go:build linux

package bench

import (
	"context"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/carom-ipc/carom"
)

// A raw futex ping-pong: what a round trip between two processes that sleep costs,
// without anything around it. Each word counts the messages of its direction.
func init() {
	add(Case{Name: "RoundTrip/impl=futex/procs=2", Open: twoWords(placed, "futex ping", "futex pong")})
	add(Case{Name: "RoundTrip/impl=futex/procs=2/cpus=1", Open: twoWords(onOneCPU, "futex ping", "futex pong")})
	roles["futex ping"] = func(_ context.Context, m *carom.Manager, p party) (share, error) {
		a, err := carom.OpenArray[uint32](m, p.Object)
		if err != nil {
			return nil, err
		}
		there, back := &a.Slice()[0], &a.Slice()[lineWords]
		return func(_ context.Context, n int) (finished, error) {
			t := timing(n)
			for range n {
				seen := atomic.LoadUint32(back)
				futexPost(there)
				futexAwait(back, seen)
				t.lap()
			}
			return t.finished(), nil
		}, nil
	}
	roles["futex pong"] = func(_ context.Context, m *carom.Manager, p party) (share, error) {
		a, err := carom.OpenArray[uint32](m, p.Object)
		if err != nil {
			return nil, err
		}
		there, back := &a.Slice()[0], &a.Slice()[lineWords]
		return func(_ context.Context, n int) (finished, error) {
			for range n {
				futexAwait(there, atomic.LoadUint32(back)) // both count the same rounds
				futexPost(back)
			}
			return finished{}, nil
		}, nil
	}
}

const (
	futexWait = 0
	futexWake = 1
)

func futexPost(w *uint32) {
	atomic.AddUint32(w, 1)
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(w)), futexWake, 1, 0, 0, 0)
}

// futexAwait sleeps until *w is no longer seen.
func futexAwait(w *uint32, seen uint32) {
	for atomic.LoadUint32(w) == seen {
		_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(w)), futexWait, uintptr(seen), 0, 0, 0)
	}
}
