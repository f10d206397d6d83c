package spawn

import (
	"context"
	"fmt"
	"sync"

	"github.com/carom-ipc/carom/internal/errs"
)

// Func is what a worker process runs: args are in CBOR.
type Func func(ctx context.Context, args []byte) error

// entry is a worker that this process knows.
type entry struct {
	f    Func
	late bool // Begin had been called: another process looks for it too early
}

var workers sync.Map // name → *entry

// Register makes f the worker called name, unless there is one.
func Register(name string, f Func) (ok bool) {
	_, taken := workers.LoadOrStore(name, &entry{f, begun.Load()})
	return !taken
}

// CheckWorker tells whether a new process will find the worker called name: ErrNotFound if
// not.
func CheckWorker(name string) error {
	e, ok := workers.Load(name)
	if !ok || e.(*entry).late {
		return fmt.Errorf("no worker called %q when Init runs in a new process: workers are package variables, NewWorker makes them before Init: %w", name, errs.ErrNotFound)
	}
	return nil
}
