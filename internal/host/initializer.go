package host

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/internal/errs"
)

// initializer is a function that was registered.
type initializer struct {
	f reflect.Value
	callable
}

var initializers sync.Map // name → *initializer

// RegisterInitializer makes f known under name. Registering another under the name
// replaces it. An error says that f is no func(context.Context, args…) error.
func RegisterInitializer(name string, f any) error {
	bad := fmt.Errorf("initializer %q is a %T, want a func(context.Context, args...) error", name, f)
	v := reflect.ValueOf(f)
	if !v.IsValid() || v.Kind() != reflect.Func || v.IsNil() {
		return bad
	}
	c, err := inspect(fmt.Sprintf("initializer %q", name), v.Type(), 0)
	if err != nil || !c.context || !c.fails || len(c.results) > 0 {
		return bad
	}
	initializers.Store(name, &initializer{v, c})
	return nil
}

// RunInitializer runs the one called name with args, an array in CBOR. Errors: ErrNotFound
// if there is none of that name, ErrType if args do not fit, what it returns, and a
// RemoteError for a panic.
func RunInitializer(ctx context.Context, name string, args []byte) (err error) {
	found, ok := initializers.Load(name)
	if !ok {
		return fmt.Errorf("initializer %q is not registered in the coordinator's program: %w", name, errs.ErrNotFound)
	}
	i := found.(*initializer)
	in, err := i.decode(codec.CBOR, args)
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
