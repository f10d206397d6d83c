package signature

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carom-ipc/carom/internal/errs"
)

// Difference says why what one process writes another cannot read. It is an ErrType.
type Difference struct {
	Path       string // of the part that differs, "" for the whole
	Have, Want string // signatures: of what is there, and of what is wanted
	Remedy     string // what to do
}

func (d *Difference) Error() string {
	what := "the element type"
	if d.Path != "" {
		what = d.Path
	}
	return fmt.Sprintf("%s is %s there and %s here: %s", what, brief(d.Have), brief(d.Want), d.Remedy)
}

// Detail is what to add to a message that names both types already: what of them differs and
// what to do, or nothing where they have nothing to do with each other.
func Detail(err error) string {
	if d := (*Difference)(nil); errors.As(err, &d) && d.Remedy != sameType {
		return ": " + d.Error()
	}
	return ""
}

// Unwrap makes it an ErrType.
func (d *Difference) Unwrap() error { return errs.ErrType }

// brief keeps messages readable.
func brief(text string) string {
	const most = 120
	if text == "" {
		return "without a type"
	}
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// Remedies, by what differs.
const (
	renameField = "a field that changes its type needs a new name"
	sameType    = "both programs must use one type, or objects of their own"
	sameLayout  = "elements that lie in memory as they are must be exactly the same; use another object, or a type that is encoded"
	samePlaces  = "a struct with toarray must be exactly the same; give it field names, or use another object"
	sameKey     = "types of keys must be exactly the same, because keys are compared as bytes; use another object"
	shareFields = "they share no field; use another object"
)

// Compatible is nil if processes of which one uses the type with the signature have and the
// other that with the signature want can read each other's values. Where values are encoded
// as maps of their fields, fields that only one of them has do not count, and fields of one
// name must have types that are compatible. A pointer is what it points to: nil arrives as
// zero. Everything else must be the same: kinds, keys of maps and dicts, lengths of arrays,
// structs with toarray, what lies in memory as it is, and types that encode themselves, which
// are known by their names. The error is a *Difference. Neither text need be well-formed:
// those that are not are compatible if they are equal.
func Compatible(have, want string) error {
	if have == want {
		return nil
	}
	whole := &Difference{Have: have, Want: want, Remedy: sameType}
	a, err := parse(have)
	if err != nil {
		return whole
	}
	b, err := parse(want)
	if err != nil {
		return whole
	}
	c := comparison{seen: map[pair]bool{}}
	if d := c.compare(a, b, nil, false); d != nil {
		return d
	}
	if len(c.seen) > maxPairs {
		return whole
	}
	return nil
}

// maxPairs bounds the work on two types that contain themselves in different ways.
const maxPairs = 1 << 16

type pair struct {
	a, b    *node
	encoded bool
}

// path is where a part is: a step, and where it begins. A text would grow with each step of two
// types that contain themselves.
type path struct {
	from *path
	step string
}

func (p *path) String() string {
	const most = 20
	var steps []string
	for ; p != nil && len(steps) < most; p = p.from {
		steps = append(steps, p.step)
	}
	if p != nil {
		steps = append(steps, "…")
	}
	slices.Reverse(steps)
	return strings.TrimPrefix(strings.Join(steps, ""), ".")
}

func (p *path) inField() bool {
	for ; p != nil; p = p.from {
		if p.step[0] == '.' {
			return true
		}
	}
	return false
}

// comparison compares the nodes of two signatures. Pairs that were met are taken for
// compatible: if they are not, that is found where they were met first.
type comparison struct{ seen map[pair]bool }

// compare compares two types. encoded tells that they are surely encoded: at the top of a
// queue's signature, numbers and arrays of them are not.
func (c *comparison) compare(a, b *node, at *path, encoded bool) *Difference {
	if encoded {
		a, b = target(a), target(b)
	}
	p := pair{a, b, encoded}
	if c.seen[p] || len(c.seen) > maxPairs {
		return nil
	}
	c.seen[p] = true
	differ := func(remedy string) *Difference { return &Difference{at.String(), a.text, b.text, remedy} }
	remedy := sameType
	if at.inField() {
		remedy = renameField
	}
	if a.form != b.form {
		return differ(remedy)
	}
	switch a.form {
	case leaf:
		if a.text != b.text {
			return differ(remedy)
		}
		return nil
	case pointer:
		return c.compare(a.elem, b.elem, at, encoded)
	case array:
		if a.length != b.length {
			return differ(remedy)
		}
		return c.compare(a.elem, b.elem, &path{at, "[]"}, encoded)
	case slice:
		return c.compare(a.elem, b.elem, &path{at, "[]"}, true)
	case list:
		return c.compare(a.elem, b.elem, at, true)
	case mapping, dict:
		if a.key.text != b.key.text {
			return &Difference{(&path{at, "[key]"}).String(), a.key.text, b.key.text, sameKey}
		}
		if a.form == dict {
			return c.compare(a.elem, b.elem, at, true)
		}
		return c.compare(a.elem, b.elem, &path{at, "[]"}, true)
	}
	switch {
	case a.fixed || b.fixed:
		if a.text != b.text {
			return differ(sameLayout)
		}
		return nil
	case a.toList || b.toList:
		if a.text != b.text {
			return differ(samePlaces)
		}
		return nil
	}
	return c.compareFields(a, b, at, differ)
}

func (c *comparison) compareFields(a, b *node, at *path, differ func(string) *Difference) *Difference {
	type key struct {
		name  string
		byInt bool
	}
	mine := make(map[key]*node, len(b.fields))
	for _, f := range b.fields {
		mine[key{f.name, f.byInt}] = f.typ
	}
	shared := 0
	for _, f := range a.fields {
		typ := mine[key{f.name, f.byInt}]
		if typ == nil {
			continue
		}
		shared++
		if d := c.compare(f.typ, typ, &path{at, "." + f.name}, true); d != nil {
			return d
		}
	}
	if shared == 0 && len(a.fields) > 0 && len(b.fields) > 0 {
		return differ(shareFields)
	}
	return nil
}

// target is what a pointer points to, in the end: itself for one that points to nothing but
// pointers.
func target(n *node) *node {
	for range maxDepth {
		if n.form != pointer {
			break
		}
		n = n.elem
	}
	return n
}
