package coord

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/carom-ipc/carom/internal/errs"
)

// callAppend is append [item…] → the new length.
func (l *list) callAppend(r *Reader, dst []byte) ([]byte, error) {
	n := r.Array()
	if err := l.insert(len(l.items), n, r); err != nil {
		return dst, err
	}
	return AppendInt(dst, int64(len(l.items))), nil
}

// callInsert is insert [index, item…] → the new length.
func (l *list) callInsert(r *Reader, dst []byte) ([]byte, error) {
	n := r.Array()
	i := l.clip(r.Int())
	if r.err != nil {
		return dst, r.err
	}
	if err := l.insert(i, n-1, r); err != nil {
		return dst, err
	}
	return AppendInt(dst, int64(len(l.items))), nil
}

// callGet is get [index] → item.
func (l *list) callGet(r *Reader, dst []byte) ([]byte, error) {
	i, err := l.argAt(r, 1)
	if err != nil {
		return dst, err
	}
	return append(dst, l.items[i]...), nil
}

// argAt reads the first of n arguments, the index of an item.
func (l *list) argAt(r *Reader, n int) (int, error) {
	r.Args(n)
	i := r.Int()
	if r.err != nil {
		return 0, r.err
	}
	return l.at(i)
}

// callSet is set [index, item] → null.
func (l *list) callSet(r *Reader, dst []byte) ([]byte, error) {
	i, err := l.argAt(r, 2)
	if err != nil {
		return dst, err
	}
	item := r.Raw()
	grows := int64(len(item)) - int64(len(l.items[i]))
	if err := l.budget.Reserve(grows); err != nil {
		return dst, err
	}
	l.size += grows
	l.items[i] = append([]byte(nil), item...)
	return AppendNull(dst), nil
}

// callPop is pop [index] → item.
func (l *list) callPop(r *Reader, dst []byte) ([]byte, error) {
	i, err := l.argAt(r, 1)
	if err != nil {
		return dst, err
	}
	dst = append(dst, l.items[i]...)
	l.cut(i, i+1)
	return dst, nil
}

// callDelete is delete [i, j] → the number of items in [i, j), which are gone.
func (l *list) callDelete(r *Reader, dst []byte) ([]byte, error) {
	r.Args(2)
	i, j := l.span(r)
	if r.err != nil {
		return dst, r.err
	}
	l.cut(i, j)
	return AppendInt(dst, int64(j-i)), nil
}

// callSlice is slice [i, j] → the items in [i, j).
func (l *list) callSlice(r *Reader, dst []byte, limit int) ([]byte, error) {
	r.Args(2)
	i, j := l.span(r)
	if r.err != nil {
		return dst, r.err
	}
	dst = AppendArray(dst, j-i)
	for _, item := range l.items[i:j] {
		if len(dst)+len(item) > limit {
			return dst, tooLarge(limit)
		}
		dst = append(dst, item...)
	}
	return dst, nil
}

// find reads an item and returns where the first one equal to it is, or -1.
func (l *list) find(r *Reader) int {
	r.Args(1)
	item := r.Raw()
	return slices.IndexFunc(l.items, func(b []byte) bool { return bytes.Equal(b, item) })
}

// callRemove is remove [item] → null; the first equal item is gone.
func (l *list) callRemove(r *Reader, dst []byte) ([]byte, error) {
	i := l.find(r)
	if r.err != nil || i < 0 {
		return dst, absent(r)
	}
	l.cut(i, i+1)
	return AppendNull(dst), nil
}

// callIndex is index [item] → where the first equal item is.
func (l *list) callIndex(r *Reader, dst []byte) ([]byte, error) {
	i := l.find(r)
	if r.err != nil || i < 0 {
		return dst, absent(r)
	}
	return AppendInt(dst, int64(i)), nil
}

func absent(r *Reader) error {
	if r.err != nil {
		return r.err
	}
	return fmt.Errorf("%w: the item is not in the list", errs.ErrNotFound)
}

// callContains is contains [item] → bool.
func (l *list) callContains(r *Reader, dst []byte) ([]byte, error) {
	return AppendBool(dst, l.find(r) >= 0), r.err
}

// callCount is count [item] → how many items are equal to it.
func (l *list) callCount(r *Reader, dst []byte) ([]byte, error) {
	r.Args(1)
	item, n := r.Raw(), int64(0)
	for _, b := range l.items {
		if bytes.Equal(b, item) {
			n++
		}
	}
	return AppendInt(dst, n), r.err
}

// callScan is scan [start, max] → [next, [item…]]: items from index start on,
// max of them or as many as make a batch; next is where to go on, 0 at the end. As in
// Python, an iteration sees what others do to the list meanwhile.
func (l *list) callScan(r *Reader, dst []byte, batch int) ([]byte, error) {
	r.Args(2)
	start, most := r.Uint(), r.Uint()
	if r.err != nil {
		return dst, r.err
	}
	var items []byte
	rest := l.items[min(start, uint64(len(l.items))):]
	n := 0
	for n < len(rest) && uint64(n) < max(most, 1) && (n == 0 || len(items)+len(rest[n]) <= batch) {
		items = append(items, rest[n]...)
		n++
	}
	next := uint64(0)
	if n < len(rest) {
		next = start + uint64(n)
	}
	dst = AppendUint(AppendArray(dst, 2), next)
	return append(AppendArray(dst, n), items...), nil
}
