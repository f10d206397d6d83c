package carom

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"github.com/carom-ipc/carom/internal/errs"
)

// initializer is a function that was registered.
type initializer struct {
	f reflect.Value
	callable
}

var initializers sync.Map // name → *initializer

// RegisterInitializer names a function for Options.Initializer: it runs in the
// coordinator, with InitArgs, before that serves. f is a func(context.Context, args…)
// error, and is registered by every program that may be the coordinator, as a package
// variable's initialiser or in init. Its context ends with the coordinator; FromEnv with
// it gives a manager, by which it can make objects. InitArgs travel as CBOR. What it
// returns or panics with is the error of Start.
//
// RegisterInitializer panics if f is not such a function.
func RegisterInitializer(name string, f any) {
	bad := func() {
		panic(fmt.Sprintf("carom: initializer %q is a %T, want a func(context.Context, args...) error", name, f))
	}
	v := reflect.ValueOf(f)
	if !v.IsValid() || v.Kind() != reflect.Func || v.IsNil() {
		bad()
	}
	c, err := inspect(fmt.Sprintf("initializer %q", name), v.Type(), 0)
	if err != nil || !c.context || !c.fails || len(c.results) > 0 {
		bad()
	}
	initializers.Store(name, &initializer{v, c})
}

func runInitializer(ctx context.Context, name string, args []byte) (err error) {
	found, ok := initializers.Load(name)
	if !ok {
		return fmt.Errorf("initializer %q is not registered in the coordinator's program: %w", name, ErrNotFound)
	}
	i := found.(*initializer)
	in, err := i.decode(CBOR, args)
	if err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			err = &errs.RemoteError{Type: "initializer", Method: name, Message: fmt.Sprintf("panic: %v", p)}
		}
	}()
	if _, err := i.call(ctx, i.f, in); err != nil {
		return fmt.Errorf("%s: %w", i.name, err)
	}
	return nil
}
