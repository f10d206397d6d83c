package signature

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// special are the characters that end a name which stands as it is.
const special = "*^@,;{}[]\"\\ "

// Name is a name as it stands in a signature: quoted unless it is plain.
func Name(name string) string {
	if isPlain(name, special) {
		return name
	}
	return strconv.Quote(name)
}

// TypeName is Name for a type, whose arguments may stand behind it in brackets.
func TypeName(name string) string {
	head, args, found := strings.Cut(name, "[")
	if !found || !isPlain(head, special) || !strings.HasSuffix(args, "]") || !isPlain(args, ";{}\"\\ ") || bracketed("["+args) != len(args)+1 {
		return Name(name)
	}
	return name
}

func isPlain(name, special string) bool {
	if name == "" || strings.ContainsAny(name, special) || !utf8.ValidString(name) {
		return false
	}
	for _, r := range name {
		if !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

// bracketed is how long the part of s in brackets is with which it begins; 0: they do not
// close.
func bracketed(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}
