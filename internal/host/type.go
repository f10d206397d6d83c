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
	unfit   map[string]error // why others cannot be called, by method
	options Options
}

// Register makes the type given known under the name typeid. Registering it once more replaces
// it. An error says what package carom's Register panics about.
func Register(typeid string, given reflect.Type, factory any, o Options) (*Type, error) {
	t := &Type{typeid: typeid, options: o, methods: map[string]*method{}, unfit: map[string]error{}}
	err := t.complete(given, factory)
	if err == nil {
		err = t.enter()
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// ID is the type's name.
func (t *Type) ID() string { return t.typeid }

// Creates is nil, or ErrType for a type without a factory.
func (t *Type) Creates() error {
	if t.options.NoCreate {
		return fmt.Errorf("%w: a %s is made by methods of other objects only", errs.ErrType, t.typeid)
	}
	return nil
}

// types are all registered types, by typeid.
var types = struct {
	sync.Mutex
	byID map[string]*Type
}{byID: map[string]*Type{}}

// enter makes the type known.
func (t *Type) enter() error {
	types.Lock()
	defer types.Unlock()
	if other := types.byID[t.typeid]; other != nil && other.given != t.given {
		return fmt.Errorf("it is registered for the type %v already, and now for %v", other.given, t.given)
	}
	types.byID[t.typeid] = t
	return nil
}

const maxTypeid = 255

// complete checks what was given, and finds out the rest.
func (t *Type) complete(given reflect.Type, factory any) error {
	if t.typeid == "" || !utf8.ValidString(t.typeid) || len(t.typeid) > maxTypeid {
		return fmt.Errorf("a typeid is UTF-8 text of 1 to %d bytes", maxTypeid)
	}
	t.given, t.served = given, given
	if given.Kind() != reflect.Pointer && given.Kind() != reflect.Interface {
		t.served = reflect.PointerTo(given)
	}
	if err := t.setFactory(factory); err != nil {
		return err
	}
	return t.findMethods()
}

func (t *Type) setFactory(factory any) (err error) {
	t.factory = reflect.ValueOf(factory)
	if factory == nil && t.options.NoCreate {
		return nil
	}
	wrong := fmt.Errorf("the factory is a %T, want a func(args...) %v or a func(args...) (%v, error)", factory, t.given, t.given)
	if factory == nil || t.factory.Kind() != reflect.Func || t.factory.IsNil() {
		return wrong
	}
	if t.maker, err = inspect(t.typeid, t.factory.Type(), 0); err != nil {
		return err
	}
	if len(t.maker.results) != 1 || !t.accepts(t.maker.results[0]) {
		return wrong
	}
	return nil
}

// accepts reports whether a value of that type can become an object.
func (t *Type) accepts(result reflect.Type) bool {
	return result == t.given || result == t.served || result.AssignableTo(t.served)
}

// object makes what has the methods of a value that accepts allowed; none of a nil.
func (t *Type) object(v reflect.Value) (reflect.Value, bool) {
	if v.Type() == t.given && t.given != t.served {
		boxed := reflect.New(t.given)
		boxed.Elem().Set(v)
		return boxed, true
	}
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v, v.IsValid() && (v.Kind() != reflect.Pointer || !v.IsNil())
}
