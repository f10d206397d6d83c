package carom

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"github.com/carom-ipc/carom/internal/errs"
)

var initializers sync.Map // name → function

// RegisterInitializer names a function for Options.Initializer: it runs in the
// coordinator, with InitArgs, before that serves. f is a func(context.Context, args…)
// error, and is registered by every program that may be the coordinator, as a package
// variable's initialiser or in init. It panics if f is not such a function.
func RegisterInitializer(name string, f any) {
	t := reflect.TypeOf(f)
	if t == nil || t.Kind() != reflect.Func || t.NumIn() == 0 || t.In(0) != reflect.TypeFor[context.Context]() ||
		t.NumOut() != 1 || t.Out(0) != reflect.TypeFor[error]() || t.IsVariadic() {
		panic(fmt.Sprintf("carom: initializer %q is a %v, want a func(context.Context, args...) error", name, t))
	}
	initializers.Store(name, reflect.ValueOf(f))
}

func runInitializer(name string, args []byte) (err error) {
	found, ok := initializers.Load(name)
	if !ok {
		return fmt.Errorf("initializer %q is not registered in the coordinator's program: %w", name, ErrNotFound)
	}
	f := found.(reflect.Value)
	var raw []rawCBOR
	if err := decodeCBOR(args, &raw); err != nil {
		return fmt.Errorf("initializer %q: %w", name, err)
	}
	if len(raw) != f.Type().NumIn()-1 {
		return fmt.Errorf("initializer %q takes %d arguments, got %d: %w", name, f.Type().NumIn()-1, len(raw), ErrType)
	}
	in := []reflect.Value{reflect.ValueOf(context.Background())}
	for i, b := range raw {
		v := reflect.New(f.Type().In(i + 1))
		if err := decodeCBOR(b, v.Interface()); err != nil {
			return fmt.Errorf("initializer %q, argument %d: %w", name, i, err)
		}
		in = append(in, v.Elem())
	}
	defer func() {
		if p := recover(); p != nil {
			err = &errs.RemoteError{Type: "initializer", Method: name, Message: fmt.Sprint(p)}
		}
	}()
	if out := f.Call(in)[0]; !out.IsNil() {
		return fmt.Errorf("initializer %q: %w", name, out.Interface().(error))
	}
	return nil
}
