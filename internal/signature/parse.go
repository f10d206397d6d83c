package signature

import (
	"errors"
	"strconv"
	"strings"
)

// form is what a type is.
type form uint8

const (
	leaf form = iota // a basic type, any, or one that encodes itself
	pointer
	slice
	array
	mapping
	list
	dict
	record
)

// node is a type in a signature.
type node struct {
	form   form
	text   string // all of it
	length int    // of an array
	key    *node  // of a mapping or a dict
	elem   *node
	fields []field // of a record that is encoded by its fields' names
	fixed  bool    // a record that lies in memory as it is
	toList bool    // a record whose fields are told apart by their places
}

type field struct {
	name  string // as it is encoded
	typ   *node
	byInt bool // the name is an integer
}

// Bounds of what is parsed, for texts that no program of good will has written.
const (
	maxText  = 64 << 10
	maxDepth = 200
)

var errSyntax = errors.New("not a signature")

type parser struct {
	text   string
	at     int
	around []*node // composites, the outermost first
	depth  int
}

// parse reads a signature.
func parse(text string) (*node, error) {
	if len(text) > maxText {
		return nil, errSyntax
	}
	p := parser{text: text}
	n, err := p.node()
	if err == nil && p.at != len(text) {
		err = errSyntax
	}
	return n, err
}

func (p *parser) skip(s string) bool {
	if strings.HasPrefix(p.text[p.at:], s) {
		p.at += len(s)
		return true
	}
	return false
}

func (p *parser) node() (*node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errSyntax
	}
	defer func() { p.depth-- }()
	start := p.at
	if p.skip("^") {
		n, err := p.number()
		if err != nil || n >= len(p.around) {
			return nil, errSyntax
		}
		return p.around[len(p.around)-1-n], nil
	}
	n := new(node)
	err := p.fill(n)
	n.text = p.text[start:p.at]
	return n, err
}

// fill reads what n is. The branches of composites stand in the order in which their
// beginnings must be looked for.
func (p *parser) fill(n *node) (err error) {
	switch {
	case p.skip("list["):
		n.form = list
		if n.elem, err = p.node(); err == nil && !p.skip("]") {
			err = errSyntax
		}
		return err
	case p.skip("dict["):
		n.form = dict
		return p.keyed(n)
	}
	p.around = append(p.around, n)
	defer func() { p.around = p.around[:len(p.around)-1] }()
	switch {
	case p.skip("*"):
		n.form = pointer
	case p.skip("[]"):
		n.form = slice
	case p.skip("["):
		n.form = array
		if n.length, err = p.number(); err == nil && !p.skip("]") {
			err = errSyntax
		}
	case p.skip("map["):
		n.form = mapping
		return p.keyed(n)
	case p.skip("struct{"):
		n.form = record
		return p.record(n)
	default:
		_, err = p.name(true)
		return err
	}
	if err == nil {
		n.elem, err = p.node()
	}
	return err
}

func (p *parser) keyed(n *node) (err error) {
	if n.key, err = p.node(); err != nil {
		return err
	}
	if !p.skip("]") {
		return errSyntax
	}
	n.elem, err = p.node()
	return err
}

func (p *parser) record(n *node) error {
	for first := true; !p.skip("}"); first = false {
		if !first && !p.skip("; ") {
			return errSyntax
		}
		if err := p.field(n); err != nil {
			return err
		}
	}
	if p.at < len(p.text) && isDigit(p.text[p.at]) {
		n.fixed = true
		_, err := p.number()
		return err
	}
	return nil
}

func (p *parser) field(n *node) (err error) {
	var f field
	if f.name, err = p.name(false); err != nil {
		return err
	}
	options := f.name == "_"
	if p.skip("@") {
		if _, err := p.number(); err != nil {
			return err
		}
	}
	for p.skip(",") {
		option, err := p.name(false)
		if err != nil {
			return err
		}
		switch option {
		case "keyasint":
			f.byInt = true
		case "toarray", "toindefarray":
			n.toList = n.toList || options
		}
	}
	if !p.skip(" ") {
		return errSyntax
	}
	if f.typ, err = p.node(); err == nil {
		n.fields = append(n.fields, f)
	}
	return err
}

// name reads a name; one of a type may have arguments in brackets.
func (p *parser) name(ofType bool) (string, error) {
	rest := p.text[p.at:]
	if strings.HasPrefix(rest, `"`) {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return "", errSyntax
		}
		p.at += len(quoted)
		return strconv.Unquote(quoted)
	}
	end := strings.IndexAny(rest, special)
	if end < 0 {
		end = len(rest)
	}
	if ofType && end > 0 && end < len(rest) && rest[end] == '[' {
		args := bracketed(rest[end:])
		if args == 0 {
			return "", errSyntax
		}
		end += args
	}
	if end == 0 {
		return "", errSyntax
	}
	p.at += end
	return rest[:end], nil
}

func (p *parser) number() (int, error) {
	start := p.at
	for p.at < len(p.text) && isDigit(p.text[p.at]) {
		p.at++
	}
	n, err := strconv.Atoi(p.text[start:p.at])
	if err != nil {
		return 0, errSyntax
	}
	return n, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
