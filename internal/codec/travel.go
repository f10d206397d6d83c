package codec

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/carom-ipc/carom/internal/errs"
)

// What of a value does not arrive is refused where its type is named, rather than lost: see
// package carom's documentation, "Types that travel", for the rules.

// rules are those of one encoding.
type rules struct {
	name     string
	pairs    []marshalling
	tag      func(reflect.StructField) string
	self     []reflect.Type // types that the encoder knows
	leaving  bool           // values are encoded only: they may be of any interface
	modules  func() modules
	verdicts sync.Map                   // reflect.Type → *verdict
	recent   [64]atomic.Pointer[judged] // by the type's address
}

var (
	cborRules   = newRules("cbor", false)
	cborResults = newRules("cbor", true)
	jsonRules   = newRules("json", false)
	jsonResults = newRules("json", true)
)

func newRules(name string, leaving bool) *rules {
	r := &rules{name: name, leaving: leaving, modules: theModules}
	if name == "cbor" {
		r.pairs, r.tag, r.self = cborPairs, tagOf, []reflect.Type{timeType, bigIntType}
	} else {
		r.pairs, r.tag = jsonPairs, func(f reflect.StructField) string { return f.Tag.Get("json") }
	}
	return r
}

// rulesOf are a codec's; nil for one of the program's own, which knows itself what it can do.
func rulesOf(c Codec, leaving bool) *rules {
	switch c.(type) {
	case cborCodec:
		if leaving {
			return cborResults
		}
		return cborRules
	case jsonCodec:
		if leaving {
			return jsonResults
		}
		return jsonRules
	}
	return nil
}

// Travels is nil if values of type T arrive whole, as CBOR, in another process. ErrType: the
// error names the part that does not.
func Travels[T any]() error { return cborRules.verdict(reflect.TypeFor[T]()).err }

// TravelsBy is Travels of a value that c decodes.
func TravelsBy(c Codec, t reflect.Type) error {
	if r := rulesOf(c, false); r != nil {
		return r.verdict(t).err
	}
	return nil
}

// verdict is what is known of a type.
type verdict struct {
	err     error
	dynamic bool  // values may have, in an interface, parts of any type
	parts   []int // fields of a struct that may have such parts
}

// judged is a verdict that was asked for of late. A look there costs a few nanoseconds, one in
// the map as much as encoding a small struct.
type judged struct {
	t reflect.Type
	v *verdict
}

func (r *rules) verdict(t reflect.Type) *verdict {
	place := &r.recent[reflect.ValueOf(t).Pointer()>>6%uintptr(len(r.recent))]
	if j := place.Load(); j != nil && j.t == t {
		return j.v
	}
	v := r.judge(t)
	place.Store(&judged{t, v})
	return v
}

func (r *rules) judge(t reflect.Type) *verdict {
	if v, ok := r.verdicts.Load(t); ok {
		return v.(*verdict)
	}
	c := checker{rules: r, seen: map[reflect.Type]bool{}}
	v := &verdict{err: c.check(t, t.String())}
	v.dynamic = c.dynamic
	if v.err == nil && v.dynamic && t.Kind() == reflect.Struct {
		for i := range t.NumField() {
			f := t.Field(i)
			if (f.IsExported() || embedded(f) != nil) && r.tag(f) != "-" && r.verdict(f.Type).dynamic {
				v.parts = append(v.parts, i)
			}
		}
	}
	r.verdicts.Store(t, v)
	return v
}

// checker looks at one type and all that it is made of.
type checker struct {
	*rules
	seen    map[reflect.Type]bool
	dynamic bool
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errs.ErrType, fmt.Sprintf(format, args...))
}

func (c *checker) check(t reflect.Type, path string) error {
	t = target(t)
	if c.seen[t] || slices.Contains(c.self, t) {
		return nil
	}
	c.seen[t] = true
	if isHandle(t) {
		return c.checkHandle(t, path)
	}
	switch t.Kind() {
	case reflect.Interface:
		if t.NumMethod() > 0 && (!c.leaving || t == errorType) {
			return refuse("%s is the interface %v, and what is in it cannot be decoded again: use any, or a type of your own", path, t)
		}
		c.dynamic = true
		return nil
	case reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Pointer:
		return refuse("%s is a %v, which means nothing to another process", path, t)
	}
	switch codingOf(t, c.pairs, c.leaving) {
	case byItself:
		return nil
	case byPart:
		return c.checkPromoted(t, path)
	}
	switch t.Kind() {
	case reflect.Complex64, reflect.Complex128:
		return refuse("%s is a %v, which has no form in %s", path, t, c.name)
	case reflect.Slice, reflect.Array:
		return c.check(t.Elem(), path+"[]")
	case reflect.Map:
		if err := c.check(t.Key(), path+"[key]"); err != nil {
			return err
		}
		return c.check(t.Elem(), path+"[]")
	case reflect.Struct:
		return c.checkStruct(t, path)
	}
	return nil
}

var errorType = reflect.TypeFor[error]()

func (c *checker) checkStruct(t reflect.Type, path string) error {
	if err := c.checkFields(t, path); err != nil {
		return err
	}
	fields, _ := fieldsOf(t, c.tag)
	if len(fields) == 0 {
		for i := range t.NumField() {
			if t.Field(i).Name != "_" {
				return refuse("nothing of %s, a %v, would arrive: it has no field that travels, nor %s", path, t, c.methods())
			}
		}
	}
	return nil
}

// checkFields looks at the fields that travel, also those of structs that are embedded, and at
// those that do not.
func (c *checker) checkFields(t reflect.Type, path string) error {
	for i := range t.NumField() {
		f := t.Field(i)
		at, tag := path+"."+f.Name, c.tag(f)
		switch part := embedded(f); {
		case f.Name == "_", tag == "-", !f.IsExported() && tagOf(f) == "-":
			continue
		case f.Anonymous && isHandle(target(f.Type)):
			return embedsHandle(path, f)
		case part != nil && !f.IsExported() && f.Type.Kind() == reflect.Pointer && c.modules().own(f.PkgPath):
			return refuse("%s is a pointer that is not exported, which nobody can set on arrival: embed the struct itself, or name the field", at)
		case !f.IsExported() && part == nil:
			if err := c.checkLost(f, at); err != nil {
				return err
			}
			continue
		case part != nil && (tag == "" || tag[0] == ','):
			if codingOf(part, c.pairs, c.leaving) != byFields || slices.Contains(c.self, part) {
				return c.embeds(path, f)
			}
			if c.seen[part] { // it embeds itself, or was looked at elsewhere
				continue
			}
			c.seen[part] = true
			if err := c.checkStruct(part, at); err != nil {
				return err
			}
			continue
		}
		if err := c.check(f.Type, at); err != nil {
			return err
		}
	}
	return nil
}

// checkLost refuses a field that is not exported, unless it is another module's and has no
// handle in it.
func (c *checker) checkLost(f reflect.StructField, at string) error {
	if holdsHandle(f.Type, map[reflect.Type]bool{}) {
		return refuse("%s, a %v, is not exported, so the handle in it would not arrive: export it, or tag it `%s:\"-\"`", at, f.Type, c.name)
	}
	if c.modules().own(f.PkgPath) {
		return refuse("%s is not exported, so it would not arrive: export it, tag it `%s:\"-\"`, or give its struct %s", at, c.name, c.methods())
	}
	return nil
}

func (c *checker) methods() string {
	return c.pairs[0].marshal.Method(0).Name + " and " + c.pairs[0].unmarshal.Method(0).Name
}

// checkHandle looks at a type that has the methods of a handle, its own or promoted ones.
func (c *checker) checkHandle(t reflect.Type, path string) error {
	unmarshal := c.pairs[0].unmarshal
	switch {
	case t == handles.ref,
		t.PkgPath() == handles.ref.PkgPath() && reflect.PointerTo(t).Implements(unmarshal) && isOwn(t, unmarshal),
		codingOf(t, c.pairs, c.leaving) == byItself,
		embedsRef(t) && codingOf(t, c.pairs, c.leaving) == byPart:
		return nil
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.Anonymous && isHandle(target(f.Type)) {
			return embedsHandle(path, f)
		}
	}
	return refuse("%s is a %v, which has the fields of a handle and not its methods: use the handle's own type", path, t)
}

func embedsHandle(path string, f reflect.StructField) error {
	return refuse("%s embeds a %v, so it would be encoded as that handle alone: name the field, as in \"%s %v\", or give the struct methods of its own that encode it",
		path, f.Type, f.Name, f.Type)
}

// checkPromoted looks at a struct whose encoding is that of a part that it embeds.
func (c *checker) checkPromoted(t reflect.Type, path string) error {
	others := 0
	var from *reflect.StructField
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "_" || c.tag(f) == "-" {
			continue
		}
		if p := reflect.PointerTo(target(f.Type)); from == nil && f.Anonymous && c.encodes(f.Type, p) {
			from = &f
			continue
		}
		others++
	}
	if from == nil {
		return nil
	}
	if target(from.Type).Kind() == reflect.Interface || from.Type.Kind() == reflect.Pointer || others > 0 && c.ownType(t) {
		return c.embeds(path, *from)
	}
	return c.check(from.Type, path+"."+from.Name)
}

func (c *checker) embeds(path string, f reflect.StructField) error {
	return refuse("%s embeds a %v, which encodes itself, so not both would arrive: name the field, as in \"%s %v\", or give the struct %s",
		path, f.Type, f.Name, f.Type, c.methods())
}

// encodes tells whether an embedded t, or p, which points to it, has methods that encode it.
func (c *checker) encodes(t, p reflect.Type) bool {
	return slices.ContainsFunc(c.pairs, func(m marshalling) bool { return t.Implements(m.marshal) || p.Implements(m.marshal) })
}

// ownType tells whether the struct t is of the main module. One without a name is where its
// fields are.
func (c *checker) ownType(t reflect.Type) bool {
	return c.modules().own(t.PkgPath()) || t.PkgPath() == "" && c.modules().main != ""
}
