package coord

import (
	"context"
	"fmt"
	"sync"

	"github.com/carom-ipc/carom/internal/errs"
)

// dict is an insertion-ordered map whose keys and values are CBOR items that
// it does not look into: equal keys are equal bytes, which is why clients
// encode deterministically. Values are never changed in place, so that they
// can be handed on after the lock is released.
type dict struct {
	budget *Budget

	mu       sync.Mutex
	entries  map[string]*dictEntry
	order    dictOrder
	clock    uint64 // the last version given out
	size     int64
	watchers map[*dictWatcher]struct{}
	closed   bool
}

// dictEntry is one key. Overwriting keeps seq, and with it the entry's place.
type dictEntry struct {
	key     string
	value   []byte
	version uint64 // of the last change; unique in the dict, and growing
	seq     uint64 // version of the insertion
	pos     int    // in dictOrder
}

// entryCost is charged for each entry beside its key and value: the entry, its
// places in the map and in the order, and what the allocator rounds up.
const entryCost = 176

func newDict(_ context.Context, sess *Session, _, _ string, _ []byte) (Object, error) {
	return &dict{budget: sess.Budget(), entries: map[string]*dictEntry{}, watchers: map[*dictWatcher]struct{}{}}, nil
}

func (d *dict) Len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.entries)
}

func (d *dict) Size() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.size
}

func (d *dict) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for w := range d.watchers {
		w.end(errs.ErrClosed)
	}
	d.reset()
}

func (d *dict) Blocks(method string) bool { return method == "watch" || method == "watchall" }

// Call runs a method; PROTOCOL.md describes each.
func (d *dict) Call(_ context.Context, sess *Session, method string, args, dst []byte) ([]byte, error) {
	r := Reader{rest: args}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return dst, errs.ErrClosed
	}
	switch method {
	case "get":
		return d.callGet(&r, dst)
	case "set":
		return d.callSet(&r, dst)
	case "setdefault":
		return d.callSetDefault(&r, dst)
	case "delete":
		return d.callDelete(&r, dst)
	case "pop":
		return d.callPop(&r, dst)
	case "popitem":
		return d.callPopItem(dst)
	case "update":
		return d.callUpdate(&r, dst)
	case "getmany":
		return d.callGetMany(&r, dst, sess.FrameLimit())
	case "contains":
		return d.callContains(&r, dst)
	case "len":
		return AppendInt(dst, int64(len(d.entries))), nil
	case "clear":
		d.clear()
		return AppendNull(dst), nil
	case "cas":
		return d.callCAS(&r, dst)
	case "deleteif":
		return d.callDeleteIf(&r, dst)
	case "last":
		return d.callLast(dst)
	case "poplast":
		return d.callPopLast(&r, dst)
	case "add":
		return d.callAdd(&r, dst)
	case "scan":
		return d.callScan(&r, dst, sess.Batch())
	}
	return dst, NoMethod(KindDict, method)
}

// The rest of this file is what the methods are made of. d.mu is held.

// put stores a copy of value under key.
func (d *dict) put(key, value []byte) (*dictEntry, error) {
	e := d.entries[string(key)]
	grows := int64(len(value))
	if e != nil {
		grows -= int64(len(e.value))
	} else {
		grows += entryCost + int64(len(key))
	}
	if err := d.budget.Reserve(grows); err != nil {
		return nil, err
	}
	d.store(e, key, value)
	return d.entries[string(key)], nil
}

// store puts value into e, or into a new entry if e is nil. Its memory is
// reserved.
func (d *dict) store(e *dictEntry, key, value []byte) {
	d.clock++
	if e == nil {
		e = &dictEntry{key: string(key), seq: d.clock}
		d.entries[e.key] = e
		d.order.push(e)
		d.size += entryCost + int64(len(key))
	}
	d.size += int64(len(value)) - int64(len(e.value))
	e.value = append([]byte(nil), value...)
	e.version = d.clock
	d.notify(changeSet, e.key, e.value, e.version)
}

// drop removes e. The change has a version too.
func (d *dict) drop(e *dictEntry) {
	delete(d.entries, e.key)
	d.order.remove(e)
	freed := entryCost + int64(len(e.key)) + int64(len(e.value))
	d.size -= freed
	d.budget.Free(freed)
	d.clock++
	d.notify(changeDelete, e.key, nil, d.clock)
}

func (d *dict) clear() {
	d.reset()
	d.clock++
	d.notify(changeClear, "", nil, d.clock)
}

func (d *dict) reset() {
	d.budget.Free(d.size)
	d.size = 0
	d.entries = map[string]*dictEntry{}
	d.order = dictOrder{}
}

// tooLarge is the error of a method that has collected more than a reply holds.
func tooLarge(limit int) error {
	return fmt.Errorf("%w: the result is larger than a frame of %d bytes", errs.ErrTooLarge, limit)
}
