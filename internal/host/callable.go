package host

import (
	"context"
	"fmt"
	"reflect"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/internal/errs"
)

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

// callable is what reflection says of a function that is called from other processes:
// a factory, a method, an initializer.
type callable struct {
	name     string         // for errors
	context  bool           // its first parameter is a context
	params   []reflect.Type // the others
	variadic bool
	results  []reflect.Type // but for an error at the end
	fails    bool           // there is one
}

// inspect describes a function's type, whose first skip parameters are not the caller's.
// It fails where a parameter is nothing that could arrive from another process.
func inspect(name string, t reflect.Type, skip int) (callable, error) {
	c := callable{name: name, variadic: t.IsVariadic()}
	for i := skip; i < t.NumIn(); i++ {
		p := t.In(i)
		if p == contextType && i == skip {
			c.context = true
			continue
		}
		if !canArrive(p) {
			return c, fmt.Errorf("%s: a parameter of type %v cannot come from another process", name, p)
		}
		c.params = append(c.params, p)
	}
	for i := range t.NumOut() {
		c.results = append(c.results, t.Out(i))
	}
	if n := len(c.results); n > 0 && c.results[n-1] == errorType {
		c.results, c.fails = c.results[:n-1], true
	}
	return c, nil
}

// canArrive reports whether values of type t can be decoded, and canLeave whether they can
// be encoded, by any codec at all. What a codec cannot do shows in the call.
func canArrive(t reflect.Type) bool {
	return travels(t, func(t reflect.Type) bool { return t.NumMethod() == 0 }, 0)
}

func canLeave(t reflect.Type) bool {
	return travels(t, func(t reflect.Type) bool { return t != errorType }, 0)
}

func travels(t reflect.Type, asInterface func(reflect.Type) bool, depth int) bool {
	if codec.EncodesItself(t) {
		return true
	}
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return false
	case reflect.Interface:
		return asInterface(t)
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		const enough = 20 // for a type that contains itself
		return depth > enough || travels(t.Elem(), asInterface, depth+1)
	}
	return true
}

// decode reads the arguments of a call, an array.
func (c *callable) decode(with codec.Codec, args []byte) ([]reflect.Value, error) {
	in, n := coord.NewReader(args), 0
	if !in.Null() { // as good as an empty array
		n = in.Array()
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("the arguments of %s: %w", c.name, err)
	}
	fixed := len(c.params)
	if c.variadic {
		fixed--
	}
	if n < fixed || n > fixed && !c.variadic {
		return nil, fmt.Errorf("%w: %s takes %s, got %d", errs.ErrType, c.name, c.arity(fixed), n)
	}
	values := make([]reflect.Value, n)
	for i := range values {
		var t reflect.Type
		if i < fixed {
			t = c.params[i]
		} else {
			t = c.params[fixed].Elem()
		}
		v := reflect.New(t)
		err := codec.TravelsBy(with, t)
		if err == nil {
			err = codec.ReadValue(with, in, v.Interface())
		}
		if err != nil {
			return nil, fmt.Errorf("%s, argument %d of type %v: %w", c.name, i+1, t, err)
		}
		values[i] = v.Elem()
	}
	return values, nil
}

func (c *callable) arity(n int) string {
	plural := "s"
	if n == 1 {
		plural = ""
	}
	if c.variadic {
		return fmt.Sprintf("at least %d argument%s", n, plural)
	}
	return fmt.Sprintf("%d argument%s", n, plural)
}

// call calls f, which c describes, and splits its error off.
func (c *callable) call(ctx context.Context, f reflect.Value, args []reflect.Value) ([]reflect.Value, error) {
	if c.context {
		args = append([]reflect.Value{reflect.ValueOf(ctx)}, args...)
	}
	results := f.Call(args)
	if !c.fails {
		return results, nil
	}
	last := len(results) - 1
	err, _ := results[last].Interface().(error)
	return results[:last], err
}
