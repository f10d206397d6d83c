package coord

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"

	"github.com/carom-ipc/carom/internal/errs"
)

// sortKey is what an item is compared by. Items of different classes have no
// order, as in Python.
type sortKey struct {
	class string
	bytes []byte // of strings
	float float64
	whole *big.Int // of integers that float does not hold exactly
	item  []byte
}

// sortItems sorts numbers, text strings, byte strings or booleans in place,
// keeping the order of equal ones; NaN comes first. Anything else, and a
// mixture, is ErrType and changes nothing.
func sortItems(items [][]byte) error {
	keys := make([]sortKey, len(items))
	for i, item := range items {
		k, err := sortKeyOf(item)
		if err != nil {
			return err
		}
		if i > 0 && k.class != keys[0].class {
			return fmt.Errorf("%w: a %s and a %s have no order", errs.ErrType, keys[0].class, k.class)
		}
		keys[i] = k
	}
	slices.SortStableFunc(keys, sortKey.compare)
	for i, k := range keys {
		items[i] = k.item
	}
	return nil
}

func sortKeyOf(item []byte) (sortKey, error) {
	k := sortKey{item: item}
	h, err := readHead(item)
	if err != nil {
		return k, err
	}
	switch {
	case h.major == majorText:
		k.class, k.bytes = "text string", item[h.size:]
	case h.major == majorBytes:
		k.class, k.bytes = "byte string", item[h.size:]
	case item[0] == cborFalse, item[0] == cborTrue:
		k.class, k.float = "boolean", float64(item[0]-cborFalse)
	case h.major == majorUint, h.major == majorInt:
		k.class = "number"
		if h.arg < 1<<53 { // the common case, without big.Int
			k.float = float64(h.arg)
			if h.major == majorInt {
				k.float = -1 - k.float
			}
			break
		}
		k.setInt(new(big.Int).SetUint64(h.arg), h.major == majorInt)
	case h.major == majorTag && h.arg <= 3 && h.arg >= 2 && item[h.size]&0xe0 == majorBytes:
		k.class = "number"
		r := NewReader(item[h.size:])
		k.setInt(new(big.Int).SetBytes(r.Bytes()), h.arg == 3)
	default:
		v, ok := float(item)
		if !ok {
			return k, fmt.Errorf("%w: only numbers, strings and booleans have an order", errs.ErrType)
		}
		k.class, k.float = "number", v
	}
	return k, nil
}

// setInt stores n, or -1-n for a negative item.
func (k *sortKey) setInt(n *big.Int, negative bool) {
	if negative {
		n.Not(n)
	}
	k.float, _ = new(big.Float).SetInt(n).Float64()
	if n.BitLen() > 53 {
		k.whole = n
	}
}

func (k sortKey) compare(o sortKey) int {
	if k.bytes != nil || o.bytes != nil {
		return bytes.Compare(k.bytes, o.bytes)
	}
	if k.whole == nil && o.whole == nil || math.IsNaN(k.float) || math.IsNaN(o.float) ||
		math.IsInf(k.float, 0) && k.whole == nil || math.IsInf(o.float, 0) && o.whole == nil {
		return cmp.Compare(k.float, o.float)
	}
	return k.exact().Cmp(o.exact())
}

// exact is the number without rounding.
func (k sortKey) exact() *big.Rat {
	if k.whole != nil {
		return new(big.Rat).SetInt(k.whole)
	}
	return new(big.Rat).SetFloat64(k.float)
}
