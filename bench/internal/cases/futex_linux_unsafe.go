//go:build linux

package cases

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
	for _, shape := range []string{awake, oneCPU, asleep} {
		Add(Case{Name: "RoundTrip/impl=futex/" + shape, Open: twoWords(shape, "futex ping", "futex pong")})
	}
	Roles["futex ping"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		there, back, err := openWords(m, p)
		seen := uint32(0)
		return Pinging(p, func() error {
			seen = atomic.LoadUint32(back)
			futexPost(there)
			return nil
		}, func(context.Context) error {
			futexAwait(back, seen)
			return nil
		}), err
	}
	Roles["futex pong"] = func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		there, back, err := openWords(m, p)
		return func(_ context.Context, n int) (Finished, error) {
			for range n {
				futexAwait(there, atomic.LoadUint32(back)) // both count the same rounds
				futexPost(back)
			}
			return Finished{}, nil
		}, err
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
