package carom

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"
)

// Type is a type of objects that live in the coordinator, made by Register.
type Type[T any] struct{ r *registered }

// A TypeOption changes how Register makes objects of a type accessible.
type TypeOption func(*registered)

// Exposed names the methods that other processes may call. Default: every exported
// method whose parameters and results can travel, but for Close.
func Exposed(methods ...string) TypeOption {
	return func(r *registered) { r.exposed = append(r.exposed, methods...) }
}

// Returns makes the result of method an object of the coordinator, of the registered type
// typeid, which stays there: the caller gets a Ref to it. The object is there while
// somebody has it open, so each such Ref wants its Close. Where method returns the same
// pointer again, it is the same object.
func Returns(method, typeid string) TypeOption {
	return func(r *registered) { r.returns[method] = typeid }
}

// NoCreate is for types whose objects are made by methods of others alone, see Returns.
func NoCreate() TypeOption { return func(r *registered) { r.noCreate = true } }

// Concurrent lets methods of an object run at the same time. Default: one after another.
func Concurrent() TypeOption { return func(r *registered) { r.concurrent = true } }

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
// Arguments and results may hold handles. With its context, FromEnv gives a method the
// coordinator's own manager, by which it can make objects and use them. Handles that
// arrive are the method's to close. Results are encoded before the object's next call
// begins; methods of a Concurrent type must return what nobody changes meanwhile.
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
	r := &registered{typeid: typeid, returns: map[string]string{}, methods: map[string]*method{}}
	for _, opt := range opts {
		opt(r)
	}
	err := r.complete(reflect.TypeFor[T](), factory)
	if err == nil {
		err = r.enter()
	}
	if err != nil {
		panic(fmt.Sprintf("carom: Register %q: %v", typeid, err))
	}
	return &Type[T]{r}
}

// registered is a type as Register knows it.
type registered struct {
	typeid     string
	served     reflect.Type // what has the methods: T, or *T
	given      reflect.Type // T
	factory    reflect.Value
	maker      callable // what the factory takes
	exposed    []string
	names      []string // of the methods that can be called, sorted
	methods    map[string]*method
	returns    map[string]string // typeid by method
	noCreate   bool
	concurrent bool
}

// types are all registered types, by typeid.
var types = struct {
	sync.Mutex
	byID map[string]*registered
}{byID: map[string]*registered{}}

// enter makes the type known. Registering it once more replaces it.
func (r *registered) enter() error {
	types.Lock()
	defer types.Unlock()
	if other := types.byID[r.typeid]; other != nil && other.given != r.given {
		return fmt.Errorf("it is registered for the type %v already, and now for %v", other.given, r.given)
	}
	types.byID[r.typeid] = r
	return nil
}

const maxTypeid = 255

// complete checks what was given, and finds out the rest.
func (r *registered) complete(t reflect.Type, factory any) error {
	switch {
	case r.typeid == "" || !utf8.ValidString(r.typeid) || len(r.typeid) > maxTypeid:
		return fmt.Errorf("a typeid is UTF-8 text of 1 to %d bytes", maxTypeid)
	case builtinKinds[strings.ToLower(r.typeid)] != "":
		return fmt.Errorf("it is the name of one of carom's own kinds")
	}
	r.given, r.served = t, t
	if t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface {
		r.served = reflect.PointerTo(t)
	}
	if err := r.setFactory(factory); err != nil {
		return err
	}
	return r.findMethods()
}

func (r *registered) setFactory(factory any) (err error) {
	r.factory = reflect.ValueOf(factory)
	if factory == nil && r.noCreate {
		return nil
	}
	wrong := fmt.Errorf("the factory is a %T, want a func(args...) %v or a func(args...) (%v, error)", factory, r.given, r.given)
	if factory == nil || r.factory.Kind() != reflect.Func || r.factory.IsNil() {
		return wrong
	}
	if r.maker, err = inspect(r.typeid, r.factory.Type(), 0); err != nil {
		return err
	}
	if len(r.maker.results) != 1 || !r.accepts(r.maker.results[0]) {
		return wrong
	}
	return nil
}

// accepts reports whether a value of type t can become an object.
func (r *registered) accepts(t reflect.Type) bool {
	return t == r.given || t == r.served || t.AssignableTo(r.served)
}

// object makes what has the methods of a value that accepts allowed; none of a nil.
func (r *registered) object(v reflect.Value) (reflect.Value, bool) {
	if v.Type() == r.given && r.given != r.served {
		boxed := reflect.New(r.given)
		boxed.Elem().Set(v)
		return boxed, true
	}
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v, v.IsValid() && (v.Kind() != reflect.Pointer || !v.IsNil())
}
