package main

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"

	ipc "bitbucket.org/avd/go-ipc/sync"

	"github.com/carom-ipc/carom"
	"github.com/carom-ipc/carom/bench/internal/cases"
)

// go-ipc's objects have names in /dev/shm that are the same for everybody on the machine.
var number atomic.Int64

func freshName(kind string) string {
	return fmt.Sprintf("carom-bench-%s-%d-%d", kind, os.Getpid(), number.Add(1))
}

func newMutex(e *cases.Env) (*ipc.FutexMutex, string, error) {
	name := freshName("mutex")
	l, err := ipc.NewFutexMutex(name, os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		e.OnClose(func() { _ = l.Destroy() })
	}
	return l, name, err
}

func init() {
	add(cases.InProcess("Lock/impl=go-ipc/procs=1", 0, func(e *cases.Env) (func(int) error, error) {
		l, _, err := newMutex(e)
		return func(n int) error {
			for range n {
				l.Lock()
				l.Unlock() //nolint:staticcheck // the pair is what is measured
			}
			return nil
		}, err
	}))
	for _, procs := range []int{2, 4} {
		add(cases.Case{Name: fmt.Sprintf("Lock/impl=go-ipc/procs=%d/goroutines=1", procs), Open: func(e *cases.Env) (cases.Run, error) {
			_, name, err := newMutex(e)
			if err != nil {
				return nil, err
			}
			return e.Lockers(procs, cases.Party{Role: "go-ipc locker", Object: name})
		}})
	}
	cases.Roles["go-ipc locker"] = func(_ context.Context, m *carom.Manager, p cases.Party) (cases.Share, error) {
		l, err := ipc.NewFutexMutex(p.Object, 0, 0o600)
		if err != nil {
			return nil, err
		}
		v, err := carom.OpenValue[int64](m, p.Second)
		return cases.Locking(1, func(_ context.Context, n int) error {
			for range n {
				l.Lock()
				v.Store(v.Load() + 1)
				l.Unlock()
			}
			return nil
		}), err
	}
}
