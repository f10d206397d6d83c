// Package crash holds what the processes of the crash-point walk do: workloads for a
// victim that dies at one of its stores to shared memory, what the survivors do
// beside it, and how they find out that nothing is lost and nobody hangs.
package crash

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// Budget is that of the arenas in which the victims die: small, so that pages are
// given back and asked for again.
const Budget = 4 << 20

// A Workload is a round of work that a victim repeats until it dies.
type Workload struct {
	Name   string
	Env    [][2]string // set before the victim attaches
	Victim func(a *shm.Arena) error
	// Beside is what a survivor does meanwhile, until ctx ends; nil: the victim is by
	// itself. settled reports that the survivor got through everything that the dead
	// left for it; it must come true without any help.
	Beside func(ctx context.Context, a *shm.Arena) (settled func() bool, done <-chan struct{})
}

// Find returns the workload, or the bystander, called name.
func Find(name string) (Workload, bool) {
	for _, list := range [][]Workload{Workloads, Bystanders} {
		if i := slices.IndexFunc(list, func(w Workload) bool { return w.Name == name }); i >= 0 {
			return list[i], true
		}
	}
	return Workload{}, false
}

// Patience is how long anything may take that should take no time.
const Patience = 5 * time.Second

func within(f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	return f(ctx)
}

func open(a *shm.Arena, s shm.Spec) (o *shm.Handle, err error) {
	err = within(func(ctx context.Context) error { o, _, err = a.Open(ctx, s); return err })
	return o, err
}

func valueSpec(name string, size uint64) shm.Spec {
	return shm.Spec{Name: name, Kind: shm.Value, Type: map[uint64]string{2: "int16", 4: "int32", 8: "int64", 24: "[3]int64"}[size],
		Payload: shm.CellPayload(size)}
}

func lockSpec(name string) shm.Spec {
	return shm.Spec{Name: name, Kind: shm.Lock, Payload: shm.LockPayload}
}

func eventSpec(name string) shm.Spec {
	return shm.Spec{Name: name, Kind: shm.Event, Payload: shm.EventPayload}
}

func arraySpec(name string, n uint64) shm.Spec {
	return shm.Spec{Name: name, Kind: shm.Array, Type: "uint64", Param: n, Payload: shm.ArrayPayload(8, n)}
}

// lock acquires the lock of an object, also from the dead.
func lock(ctx context.Context, a *shm.Arena, o *shm.Handle) error {
	_, err := shm.LockOf(o.Object).Lock(ctx, a.Domain(), futex.Report)
	if errors.Is(err, errs.ErrOwnerDied) {
		_, err = shm.LockOf(o.Object).Lock(ctx, a.Domain(), futex.TakeOver)
	}
	return err
}

func closeAll(objects ...*shm.Handle) error {
	var all error
	for _, o := range objects {
		all = errors.Join(all, o.Close(context.Background()))
	}
	return all
}

func remove(a *shm.Arena, name string) error {
	return within(func(ctx context.Context) error {
		err := a.Remove(ctx, name)
		if errors.Is(err, errs.ErrNotFound) {
			return nil
		}
		return err
	})
}

// background runs f and tells when it is over.
func background(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	return done
}
