package coord

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/carom-ipc/carom/internal/errs"
)

// list is a sequence of CBOR items, which are equal when their bytes are.
// Indices are Python's: negative ones count from the end, those of a range are
// clipped.
type list struct {
	budget *Budget

	mu     sync.Mutex
	items  [][]byte // never changed in place
	size   int64
	closed bool
}

// itemCost is charged for each item beside its bytes.
const itemCost = 48

func newList(_ context.Context, sess *Session, _, _ string, _ []byte) (Object, error) {
	return &list{budget: sess.Budget()}, nil
}

func (l *list) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.items)
}

func (l *list) Size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size
}

func (l *list) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.cut(0, len(l.items))
}

// Call runs a method; PROTOCOL.md describes each.
func (l *list) Call(_ context.Context, sess *Session, method string, args, dst []byte) ([]byte, error) {
	r := Reader{rest: args}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return dst, errs.ErrClosed
	}
	switch method {
	case "append":
		return l.callAppend(&r, dst)
	case "insert":
		return l.callInsert(&r, dst)
	case "get":
		return l.callGet(&r, dst)
	case "set":
		return l.callSet(&r, dst)
	case "pop":
		return l.callPop(&r, dst)
	case "delete":
		return l.callDelete(&r, dst)
	case "slice":
		return l.callSlice(&r, dst, sess.FrameLimit())
	case "remove":
		return l.callRemove(&r, dst)
	case "index":
		return l.callIndex(&r, dst)
	case "count":
		return l.callCount(&r, dst)
	case "contains":
		return l.callContains(&r, dst)
	case "scan":
		return l.callScan(&r, dst, sess.Batch())
	case "sort":
		return AppendNull(dst), sortItems(l.items)
	case "reverse":
		slices.Reverse(l.items)
		return AppendNull(dst), nil
	case "len":
		return AppendInt(dst, int64(len(l.items))), nil
	case "clear":
		l.cut(0, len(l.items))
		return AppendNull(dst), nil
	}
	return dst, NoMethod(KindList, method)
}

// Stream starts snapshot [].
func (l *list) Stream(sess *Session, method string, _ []byte) (Stream, error) {
	if method != "snapshot" {
		return nil, NoMethod(KindList, method)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errs.ErrClosed
	}
	cost := int64(itemCost * len(l.items))
	if err := l.budget.Reserve(cost); err != nil {
		return nil, err
	}
	return &listStream[[]byte]{
		items: slices.Clone(l.items), width: 1, batch: sess.Batch(),
		add:  func(dst, item []byte) []byte { return append(dst, item...) },
		done: func() { l.budget.Free(cost) },
	}, nil
}

// The rest of this file is what the methods are made of. l.mu is held.

// insert puts copies of the next n items of r at index i: all, or none.
func (l *list) insert(i, n int, r *Reader) error {
	again, need := *r, int64(0)
	for range n {
		need += itemCost + int64(len(r.Raw()))
	}
	if r.err != nil {
		return r.err
	}
	if err := l.budget.Reserve(need); err != nil {
		return err
	}
	l.size += need
	items := make([][]byte, n)
	for k := range items {
		items[k] = append([]byte(nil), again.Raw()...)
	}
	l.items = slices.Insert(l.items, i, items...)
	return nil
}

// cut removes items[i:j].
func (l *list) cut(i, j int) {
	freed := int64(0)
	for _, item := range l.items[i:j] {
		freed += itemCost + int64(len(item))
	}
	l.size -= freed
	l.budget.Free(freed)
	if i == 0 { // a list that is used as a queue: no item has to move
		clear(l.items[:j])
		l.items = l.items[j:]
		return
	}
	l.items = slices.Delete(l.items, i, j)
}

// at resolves the index of an item that must be there.
func (l *list) at(i int64) (int, error) {
	n := int64(len(l.items))
	k := i
	if k < 0 {
		k += n
	}
	if k < 0 || k >= n {
		return 0, fmt.Errorf("%w: index %d out of range of %d", errs.ErrNotFound, i, n)
	}
	return int(k), nil
}

// clip resolves a place between items.
func (l *list) clip(i int64) int {
	n := int64(len(l.items))
	if i < 0 {
		i = max(i+n, 0)
	}
	return int(min(i, n))
}

// span resolves a range of items.
func (l *list) span(r *Reader) (i, j int) {
	i, j = l.clip(r.Int()), l.clip(r.Int())
	return i, max(i, j)
}
