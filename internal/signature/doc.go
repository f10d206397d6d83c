// Package signature says whether two processes mean types that go together. A signature is
// the text that a directory keeps of an object's element type; package internal/codec
// writes it. Packages shm and coord, which keep directories, import this one.
//
// The grammar, in which a name stands as it is or quoted as in Go:
//
//	type   = "*" type | "[]" type | "[" n "]" type | "map[" type "]" type
//	       | "struct{" [ field { "; " field } ] "}" [ size ]
//	       | "list[" type "]" | "dict[" type "]" type | "^" n | name
//	field  = name [ "@" offset ] { "," option } " " type
//
// ^n is the n-th pointer, slice, array, map or struct around it, 0 the innermost. A struct
// with a size lies in memory as it is; one without is encoded, by its fields' names.
package signature
