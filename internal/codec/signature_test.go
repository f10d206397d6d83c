package codec

import (
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type node struct {
	Value int `json:"v"`
	Next  *node
	Kids  []node `cbor:"k,omitempty"`
	cache int
}

func TestTypeSignature(t *testing.T) {
	type celsius float64
	for want, v := range map[string]any{
		"int64":              int64(0),
		"float64":            celsius(0),
		"map[string][]uint8": map[string][]byte{},
		"*[3]bool":           new([3]bool),
		"time":               time.Time{},
		"*bigint":            &big.Int{},
		"[]any":              []any{},
		"struct{v int; Next *^1; k,omitempty []^1}": node{cache: 1},
		"struct{A struct{v int; Next *^1; k,omitempty []^1}; B any}": struct {
			A node
			B error
		}{},
	} {
		require.Equal(t, want, Signature(reflect.TypeOf(v)))
	}
}
