package host

import (
	"fmt"
	"io"
	"reflect"
	"slices"
)

// method is one that other processes may call.
type method struct {
	callable
	method  string
	returns string // typeid of what its result becomes
	stream  streaming
}

// streaming says what a method's result has to be read as.
type streaming int

const (
	atOnce   streaming = iota // no stream
	values                    // iter.Seq
	pairs                     // iter.Seq2
	fallible                  // iter.Seq2 of a value and an error
	channel
)

// closerMethod is not for others, unless Exposed names it: it is called when the object
// goes, and a proxy's Close detaches.
var closerMethod = reflect.TypeFor[io.Closer]().Method(0)

// findMethods collects the methods that can be called.
func (r *Type) findMethods() error {
	for i := range r.served.NumMethod() {
		m := r.served.Method(i)
		if !m.IsExported() || len(r.options.Exposed) == 0 && r.isCloser(m) || len(r.options.Exposed) > 0 && !slices.Contains(r.options.Exposed, m.Name) {
			continue
		}
		described, err := r.describe(m)
		switch {
		case err == nil:
			r.methods[m.Name] = described
			r.names = append(r.names, m.Name) // in the order of reflection, which is by name
		case len(r.options.Exposed) > 0:
			return err
		}
	}
	for _, name := range r.options.Exposed {
		if r.methods[name] == nil {
			return fmt.Errorf("Exposed names %s, which %v does not have", name, r.served)
		}
	}
	for name, typeid := range r.options.Returns {
		m := r.methods[name]
		if m == nil {
			return fmt.Errorf("Returns names %s, which %v does not have or does not expose", name, r.served)
		}
		if len(m.results) != 1 {
			return fmt.Errorf("Returns names %s, whose results are %v: want one, and perhaps an error", name, m.results)
		}
		m.returns, m.stream = typeid, atOnce
	}
	return nil
}

func (r *Type) isCloser(m reflect.Method) bool {
	return m.Name == closerMethod.Name && m.Type.NumIn() == r.receivers() && m.Type.NumOut() == 1 && m.Type.Out(0) == errorType
}

// receivers is how many parameters of a method's function stand for the receiver.
func (r *Type) receivers() int {
	if r.served.Kind() == reflect.Interface {
		return 0
	}
	return 1
}

func (r *Type) describe(m reflect.Method) (*method, error) {
	c, err := inspect(r.typeid+"."+m.Name, m.Type, r.receivers())
	if err != nil {
		return nil, err
	}
	d := &method{callable: c, method: m.Name}
	if len(c.results) == 1 {
		d.stream = streamOf(c.results[0])
	}
	for _, t := range c.results {
		if d.stream == atOnce && r.options.Returns[m.Name] == "" && !canLeave(t) {
			return nil, fmt.Errorf("%s: a result of type %v cannot go to another process", c.name, t)
		}
	}
	return d, nil
}

func streamOf(t reflect.Type) streaming {
	switch {
	case t.Kind() == reflect.Chan && t.ChanDir()&reflect.RecvDir != 0 && canLeave(t.Elem()):
		return channel
	case t.Kind() != reflect.Func:
		return atOnce
	case t.CanSeq() && t.In(0).NumIn() == 1 && canLeave(t.In(0).In(0)):
		return values
	case t.CanSeq2() && t.In(0).NumIn() == 2 && canLeave(t.In(0).In(0)):
		if t.In(0).In(1) == errorType {
			return fallible
		}
		if canLeave(t.In(0).In(1)) {
			return pairs
		}
	}
	return atOnce
}
