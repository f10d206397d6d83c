package host

import (
	"fmt"
	"reflect"
	"sync"
	"unicode/utf8"

	"github.com/carom-ipc/carom/internal/errs"
)

// Options are what the options of package carom's Register say.
type Options struct {
	Exposed    []string          // methods; empty: all that can travel
	Returns    map[string]string // typeid of what a method's result becomes, by method
	NoCreate   bool
	Concurrent bool
}

// Type is a type as Register knows it.
type Type struct {
	typeid  string
	served  reflect.Type // what has the methods: T, or *T
	given   reflect.Type // T
	factory reflect.Value
	maker   callable // what the factory takes
	names   []string // of the methods that can be called, sorted
	methods map[string]*method
	options Options
}

// Register makes the type t known under the name typeid. Registering it once more replaces
// it. An error says what package carom's Register panics about.
func Register(typeid string, t reflect.Type, factory any, o Options) (*Type, error) {
	r := &Type{typeid: typeid, options: o, methods: map[string]*method{}}
	if err := r.complete(t, factory); err != nil {
		return nil, err
	}
	return r, r.enter()
}

// ID is the type's name.
func (r *Type) ID() string { return r.typeid }

// Creates is nil, or ErrType for a type without a factory.
func (r *Type) Creates() error {
	if r.options.NoCreate {
		return fmt.Errorf("%w: a %s is made by methods of other objects only", errs.ErrType, r.typeid)
	}
	return nil
}

// types are all registered types, by typeid.
var types = struct {
	sync.Mutex
	byID map[string]*Type
}{byID: map[string]*Type{}}

// enter makes the type known.
func (r *Type) enter() error {
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
func (r *Type) complete(t reflect.Type, factory any) error {
	if r.typeid == "" || !utf8.ValidString(r.typeid) || len(r.typeid) > maxTypeid {
		return fmt.Errorf("a typeid is UTF-8 text of 1 to %d bytes", maxTypeid)
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

func (r *Type) setFactory(factory any) (err error) {
	r.factory = reflect.ValueOf(factory)
	if factory == nil && r.options.NoCreate {
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
func (r *Type) accepts(t reflect.Type) bool {
	return t == r.given || t == r.served || t.AssignableTo(r.served)
}

// object makes what has the methods of a value that accepts allowed; none of a nil.
func (r *Type) object(v reflect.Value) (reflect.Value, bool) {
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
