package served

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/carom-ipc/carom/internal/errs"
)

// scalars are the element types that others are made of, by their size in bytes.
var scalars = map[string]uint64{
	"bool": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8, "uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8,
	"uintptr64": 8, "float32": 4, "float64": 8, "complex64": 8, "complex128": 16,
}

// isNumber reports that elements of that type can be added.
func isNumber(typ string) bool {
	return scalars[typ] != 0 && typ != "bool" && !strings.HasPrefix(typ, "complex")
}

const (
	maxElement   = 1 << 40 // bytes
	maxTypeDepth = 64
)

// elementSize is the size of an element of a fixed-size type, which its text says. What
// claims to be a type must be one: other processes trust the size that goes with the text.
func elementSize(typ string) (uint64, error) {
	size, rest, ok := parseType(typ, maxTypeDepth)
	if !ok || rest != "" {
		return 0, fmt.Errorf("%w: %.100q is no type of fixed size", errs.ErrType, typ)
	}
	return size, nil
}

func parseType(s string, depth int) (size uint64, rest string, ok bool) {
	switch {
	case depth == 0:
		return 0, s, false
	case strings.HasPrefix(s, "["):
		return parseArray(s[1:], depth)
	case strings.HasPrefix(s, "struct{"):
		return parseStruct(s[len("struct{"):], depth)
	}
	end := strings.IndexFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	if end < 0 {
		end = len(s)
	}
	size, ok = scalars[s[:end]]
	return size, s[end:], ok
}

// parseArray is what follows the bracket in [n]element.
func parseArray(s string, depth int) (size uint64, rest string, ok bool) {
	n, s, ok := parseNumber(s)
	if !ok || !strings.HasPrefix(s, "]") {
		return 0, s, false
	}
	size, rest, ok = parseType(s[1:], depth-1)
	if size != 0 && n > maxElement/size {
		return 0, rest, false
	}
	return n * size, rest, ok
}

// parseStruct is what follows the brace in struct{name@offset type; …}size.
func parseStruct(s string, depth int) (size uint64, rest string, ok bool) {
	end := uint64(0)
	for first := true; !strings.HasPrefix(s, "}"); first = false {
		if !first {
			if s, ok = strings.CutPrefix(s, "; "); !ok {
				return 0, s, false
			}
		}
		name, after, found := strings.Cut(s, "@")
		offset, after, isNumber := parseNumber(after)
		after, spaced := strings.CutPrefix(after, " ")
		if !found || !isNumber || !spaced || name == "" || strings.ContainsAny(name, "{}; ") {
			return 0, s, false
		}
		field, after, isType := parseType(after, depth-1)
		if !isType || offset < end { // fields lie in their order
			return 0, s, false
		}
		end, s = offset+field, after
	}
	size, rest, ok = parseNumber(s[1:])
	return size, rest, ok && size >= end
}

func parseNumber(s string) (n uint64, rest string, ok bool) {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	n, err := strconv.ParseUint(s[:end], 10, 64)
	return n, s[end:], err == nil && n <= maxElement
}
