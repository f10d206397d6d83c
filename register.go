package carom

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/internal/host"
	"github.com/carom-ipc/carom/shm"
)

// Type is a type of objects that live in the coordinator, made by Register.
type Type[T any] struct{ t *host.Type }

// A TypeOption changes how Register makes objects of a type accessible.
type TypeOption func(*host.Options)

// Exposed names the methods that other processes may call. Default: every exported
// method whose parameters and results can travel, but for Close.
func Exposed(methods ...string) TypeOption {
	return func(o *host.Options) { o.Exposed = append(o.Exposed, methods...) }
}

// Returns makes the result of method an object of the coordinator, of the registered type
// typeid, which stays there: the caller gets a Ref to it. The object is there while
// somebody has it open, so each such Ref wants its Close. Where method returns the same
// pointer again, it is the same object.
func Returns(method, typeid string) TypeOption {
	return func(o *host.Options) { o.Returns[method] = typeid }
}

// NoCreate is for types whose objects are made by methods of others alone, see Returns.
func NoCreate() TypeOption { return func(o *host.Options) { o.NoCreate = true } }

// Concurrent lets methods of an object run at the same time. Default: one after another.
func Concurrent() TypeOption { return func(o *host.Options) { o.Concurrent = true } }

// Register makes objects of type T available to all processes, under the name typeid:
// an object lives in the coordinator, and others call its methods through a Ref, with
// Call and Invoke, or through a typed proxy, a struct that embeds Ref and that
// "carom gen" can write. It is what register of Python's BaseManager is.
//
//	var counters = carom.Register[*counter]("Counter", newCounter)
//
// factory makes an object: a func(args…) T or a func(args…) (T, error), whose first
// parameter may be a context. With NoCreate it may be nil. The methods are those of T,
// or of *T where T is neither a pointer nor an interface. A method may have a context as
// its first parameter, which ends when the caller gives up; its results are nothing, a
// value, an error, both, or several values, which arrive as an array. A method whose
// result is an iter.Seq, an iter.Seq2 or a channel gives a stream, see Iterate.
//
// What an error of a method wraps, errors.Is finds at the caller, if it is one of carom's
// sentinels, a context's error or io.EOF; any other error, and a panic, arrives as a
// *RemoteError with its text. A panic ends the call, not the coordinator, unless it
// happens in a goroutine that the method started. A method that goes on after the end of
// its context is left to itself: the caller does not wait for it, the object's next call
// does, unless the type is Concurrent.
//
// A method answers ErrType if part of an argument or a result would not arrive, see "Types
// that travel". Arguments and results may hold handles. With its context, FromEnv gives a method the
// coordinator's own manager, by which it can make objects and use them. Handles that
// arrive are the method's to close. Results are encoded before the object's next call
// begins; methods of a Concurrent type must return what no other method changes meanwhile.
//
// An object made by New lives until Manager.Remove, others as Returns says. If T has a
// method Close() error, it is called when the object goes. The coordinator's memory limit
// counts each object, not what it holds.
//
// Register is for package variables, so that the coordinator, which is the same
// executable, knows the type too. It panics if factory is no such function, if a method
// that an option names does not exist or cannot be called from another process, or if
// typeid is empty, longer than 255 bytes, the name of one of carom's own kinds, or that of
// another type T.
func Register[T any](typeid string, factory any, opts ...TypeOption) *Type[T] {
	if builtinKinds[strings.ToLower(typeid)] != "" {
		panic(fmt.Sprintf("carom: Register %q: it is the name of one of carom's own kinds", typeid))
	}
	o := host.Options{Returns: map[string]string{}}
	for _, opt := range opts {
		opt(&o)
	}
	t, err := host.Register(typeid, reflect.TypeFor[T](), factory, o)
	if err != nil {
		panic(fmt.Sprintf("carom: Register %q: %v", typeid, err))
	}
	return &Type[T]{t}
}

// New makes sure that there is an object called name, and opens it: it is made of args by
// the type's factory, unless it is there, in which case args count for nothing. "" asks
// for a name of its own. Among args, the option Exclusive turns "opens" into ErrExists.
//
// Errors: ErrType if the name belongs to something else, if args do not fit the factory,
// or if the type is NoCreate; ErrNotFound if the coordinator's program does not register
// the type; what the factory returned, as of a method.
func (t *Type[T]) New(m *Manager, name string, args ...any) (Ref, error) {
	var opts []Option
	var values []any
	for _, arg := range args {
		if opt, ok := arg.(Option); ok {
			opts = append(opts, opt)
		} else {
			values = append(values, arg)
		}
	}
	typeid := t.t.ID()
	o, err := readOptions(typeid, opts)
	if err == nil {
		err = t.t.Creates()
	}
	var params []byte
	if err == nil {
		params, err = codec.AppendArguments(m.codec(), nil, values)
	}
	if err != nil {
		return Ref{}, opError("new", typeid, name, err)
	}
	return t.open(m, name, wanted{op: "new", spec: shm.Spec{Exclusive: o.exclusive}, params: params})
}

// Open opens the object called name. ErrNotFound: there is none. ErrType: it is something
// else.
func (t *Type[T]) Open(m *Manager, name string) (Ref, error) {
	return t.open(m, name, wanted{op: "open"})
}

func (t *Type[T]) open(m *Manager, name string, w wanted) (Ref, error) {
	h, err := openServed(m, t.t.ID(), name, w)
	if err != nil {
		return Ref{}, err
	}
	return refTo(h), nil
}

// RegisterInitializer names a function for Options.Initializer: it runs in the
// coordinator, with InitArgs, before that serves. f is a func(context.Context, args…)
// error, and is registered by every program that may be the coordinator, as a package
// variable's initialiser or in init. Its context ends with the coordinator; FromEnv with
// it gives a manager, by which it can make objects. InitArgs travel as CBOR. What it
// returns or panics with is the error of Start.
//
// RegisterInitializer panics if f is not such a function.
func RegisterInitializer(name string, f any) {
	if err := host.RegisterInitializer(name, f); err != nil {
		panic("carom: " + err.Error())
	}
}

// Pair is two values that travel as an array of two: an item of an iter.Seq2, or the
// results of a method that has two.
type Pair[K, V any] struct {
	_     struct{} `cbor:",toarray"`
	Key   K
	Value V
}

// MarshalJSON encodes the pair as an array.
func (p Pair[K, V]) MarshalJSON() ([]byte, error) { return json.Marshal([]any{p.Key, p.Value}) }

// UnmarshalJSON decodes an array of two.
func (p *Pair[K, V]) UnmarshalJSON(b []byte) error {
	var parts []json.RawMessage
	err := json.Unmarshal(b, &parts)
	if err == nil && len(parts) != 2 {
		err = fmt.Errorf("%w: a pair of %d", ErrType, len(parts))
	}
	if err == nil {
		err = json.Unmarshal(parts[0], &p.Key)
	}
	if err == nil {
		err = json.Unmarshal(parts[1], &p.Value)
	}
	return err
}
