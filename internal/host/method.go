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
func (t *Type) findMethods() error {
	for i := range t.served.NumMethod() {
		m := t.served.Method(i)
		if !m.IsExported() || len(t.options.Exposed) == 0 && t.isCloser(m) || len(t.options.Exposed) > 0 && !slices.Contains(t.options.Exposed, m.Name) {
			continue
		}
		described, err := t.describe(m)
		switch {
		case err == nil:
			t.methods[m.Name] = described
			t.names = append(t.names, m.Name) // in the order of reflection, which is by name
		case len(t.options.Exposed) > 0:
			return err
		default:
			t.unfit[m.Name] = err
		}
	}
	for _, name := range t.options.Exposed {
		if t.methods[name] == nil {
			return fmt.Errorf("the option Exposed names %s, which %v does not have", name, t.served)
		}
	}
	for name, typeid := range t.options.Returns {
		m := t.methods[name]
		if m == nil {
			return fmt.Errorf("the option Returns names %s, which %v does not have or does not expose", name, t.served)
		}
		if len(m.results) != 1 {
			return fmt.Errorf("the option Returns names %s, whose results are %v: want one, and perhaps an error", name, m.results)
		}
		m.returns, m.stream = typeid, atOnce
	}
	return nil
}

func (t *Type) isCloser(m reflect.Method) bool {
	return m.Name == closerMethod.Name && m.Type.NumIn() == t.receivers() && m.Type.NumOut() == 1 && m.Type.Out(0) == errorType
}

// receivers is how many parameters of a method's function stand for the receiver.
func (t *Type) receivers() int {
	if t.served.Kind() == reflect.Interface {
		return 0
	}
	return 1
}

func (t *Type) describe(m reflect.Method) (*method, error) {
	c, err := inspect(t.typeid+"."+m.Name, m.Type, t.receivers())
	if err != nil {
		return nil, err
	}
	d := &method{callable: c, method: m.Name}
	if len(c.results) == 1 {
		d.stream = streamOf(c.results[0])
	}
	for _, result := range c.results {
		if d.stream == atOnce && t.options.Returns[m.Name] == "" && !canLeave(result) {
			return nil, fmt.Errorf("%s: a result of type %v cannot go to another process", c.name, result)
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
