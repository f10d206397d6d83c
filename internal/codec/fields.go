package codec

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// field is one of a struct's that travels. Which do is decided as by the CBOR library, and by
// encoding/json: exported ones, also those of structs that are embedded, of which the one that
// is least deep wins, or the one with a tag; if that leaves several of a name, none.
type field struct {
	name    string // as it is encoded
	options []string
	typ     reflect.Type
	depth   int
	tagged  bool
}

func (f *field) has(option string) bool { return slices.Contains(f.options, option) }

// tagOf is what a field's tag says, for CBOR.
func tagOf(f reflect.StructField) string {
	if tag := f.Tag.Get("cbor"); tag != "" {
		return tag
	}
	return f.Tag.Get("json")
}

// fieldsOf returns the fields of the struct t that travel, in the order of the source, and
// whether the array of their values is its form.
func fieldsOf(t reflect.Type, tag func(reflect.StructField) string) (fields []field, toArray bool) {
	if f, ok := t.FieldByName("_"); ok {
		_, options, _ := strings.Cut(f.Tag.Get("cbor"), ",")
		for option := range strings.SplitSeq(options, ",") {
			toArray = toArray || option == "toarray" || option == "toindefarray"
		}
	}
	collectFields(t, tag, 0, map[reflect.Type]bool{}, &fields)
	return visible(fields), toArray
}

func collectFields(t reflect.Type, tag func(reflect.StructField) string, depth int, around map[reflect.Type]bool, fields *[]field) {
	if around[t] {
		return
	}
	around[t] = true
	defer delete(around, t)
	for i := range t.NumField() {
		f := t.Field(i)
		part := embedded(f)
		says := tag(f)
		if !f.IsExported() && part == nil || says == "-" {
			continue
		}
		name, options, _ := strings.Cut(says, ",")
		if part != nil && name == "" {
			collectFields(part, tag, depth+1, around, fields)
			continue
		}
		n := field{name: name, typ: f.Type, depth: depth, tagged: says != ""}
		if name == "" {
			n.name = f.Name
		}
		if options != "" {
			n.options = strings.Split(options, ",")
		}
		*fields = append(*fields, n)
	}
}

// embedded is the struct that f embeds, itself or by a pointer; nil if it embeds none.
func embedded(f reflect.StructField) reflect.Type {
	if t := target(f.Type); f.Anonymous && t.Kind() == reflect.Struct {
		return t
	}
	return nil
}

// target is what a pointer points to.
func target(t reflect.Type) reflect.Type {
	for range maxNesting { // a type may be a pointer to itself
		if t.Kind() != reflect.Pointer {
			break
		}
		t = t.Elem()
	}
	return t
}

// visible leaves out the fields that others of their names hide.
func visible(fields []field) []field {
	type key struct {
		name  string
		byInt bool
	}
	best := map[key][]int{}
	for i := range fields {
		k := key{fields[i].name, fields[i].has("keyasint")}
		best[k] = append(best[k], i)
	}
	var kept []int
	for _, rivals := range best {
		slices.SortFunc(rivals, func(i, j int) int {
			a, b := &fields[i], &fields[j]
			if a.depth == b.depth && a.tagged != b.tagged {
				if a.tagged {
					return -1
				}
				return 1
			}
			return cmp.Compare(a.depth, b.depth)
		})
		if len(rivals) == 1 {
			kept = append(kept, rivals[0])
			continue
		}
		if first, second := &fields[rivals[0]], &fields[rivals[1]]; first.depth < second.depth || first.tagged && !second.tagged {
			kept = append(kept, rivals[0])
		}
	}
	slices.Sort(kept)
	all := make([]field, len(kept))
	for i, k := range kept {
		all[i] = fields[k]
	}
	return all
}
