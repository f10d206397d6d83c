package spawn

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/carom-ipc/carom/internal/endpoint"
	"github.com/carom-ipc/carom/internal/errs"
)

// Func is what a worker process runs: args are in CBOR.
type Func func(ctx context.Context, args []byte) error

var workers sync.Map // name → Func

// Register makes f the worker called name, unless there is one.
func Register(name string, f Func) (ok bool) {
	_, taken := workers.LoadOrStore(name, f)
	return !taken
}

var (
	errParentGone  = fmt.Errorf("the process that started this worker is gone: %w", context.Canceled)
	errManagerGone = fmt.Errorf("the manager is gone: %w", context.Canceled)
)

// Work is a worker's main: it runs the function that the starter named, with a context
// that ends when the starter or the manager goes. join attaches this process to the
// manager; the function that it returns waits until the manager is gone, or ctx ends.
func Work(join func(Start) (gone func(ctx context.Context), err error)) error {
	control := inheritControl()
	var start Start
	if err := receive(control, &start); err != nil {
		return err
	}
	report := func(err error) error {
		// A starter that is gone, or does not want to know, hears nothing.
		_ = send(control, errorMessage(kindResult, err))
		os.Exit(1)
		return nil
	}
	f, ok := workers.Load(start.Name)
	if !ok {
		return report(fmt.Errorf("no worker called %q in %s: %w", start.Name, os.Args[0], errs.ErrNotFound))
	}
	gone, err := join(start)
	if err != nil {
		return report(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		if m, err := receiveMessage(control); err == nil && m.Kind == kindStop {
			cancel(errManagerGone)
		} else {
			cancel(errParentGone)
		}
		time.Sleep(grace)
		endpoint.RemoveSocketDir(start.Addr) // whose coordinator may have been killed with it
		os.Exit(1)
	}()
	go func() {
		gone(ctx)
		if ctx.Err() == nil {
			cancel(errManagerGone)
			time.Sleep(grace)
			os.Exit(1)
		}
	}()
	if err := f.(Func).run(ctx, start.Args); err != nil {
		return report(err)
	}
	_ = send(control, message{Kind: kindResult})
	return nil
}

// run makes an error of a panic.
func (f Func) run(ctx context.Context, args []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n\n%s", p, debug.Stack())
		}
	}()
	return f(ctx, args)
}
