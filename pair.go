package carom

import (
	"encoding/json"
	"fmt"
)

// Pair is two values that travel as an array of two: an item of an iter.Seq2, or the
// results of a method that has two.
type Pair[K, V any] struct {
	_     struct{} `cbor:",toarray"`
	Key   K
	Value V
}

// MarshalJSON encodes the pair as an array.
func (p Pair[K, V]) MarshalJSON() ([]byte, error) { return json.Marshal([]any{p.Key, p.Value}) }

// UnmarshalJSON decodes an array of two.
func (p *Pair[K, V]) UnmarshalJSON(b []byte) error {
	var parts []json.RawMessage
	err := json.Unmarshal(b, &parts)
	if err == nil && len(parts) != 2 {
		err = fmt.Errorf("%w: a pair of %d", ErrType, len(parts))
	}
	if err == nil {
		err = json.Unmarshal(parts[0], &p.Key)
	}
	if err == nil {
		err = json.Unmarshal(parts[1], &p.Value)
	}
	return err
}
