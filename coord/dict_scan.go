package coord

import (
	"fmt"

	"github.com/carom-ipc/carom/internal/errs"
)

// callScan is scan [after, until, max] → [after, until, [key, value, version, …]]:
// the next entries of an iteration, max of them or as many as make a batch. Both
// numbers come back to be given to the next scan; they begin as 0, and are
// equal at the end.
//
// They are insertion numbers, so the iteration needs nothing at the
// coordinator and copes with changes: it meets each entry that is there all
// along exactly once, and none that was inserted after it began, which also
// makes it end.
func (d *dict) callScan(r *Reader, dst []byte, batch int) ([]byte, error) {
	r.Args(3)
	after, until, most := r.Uint(), r.Uint(), r.Uint()
	if r.err != nil {
		return dst, r.err
	}
	if until == 0 || until > d.clock {
		until = d.clock
	}
	var items []byte
	n, steps := 0, 0
	next := until
	for _, s := range d.order.after(after) {
		if s.seq > until {
			break
		}
		// Holes count as well: the lock is held for a bounded time.
		steps++
		full := uint64(n) >= max(most, 1) || n > 0 && s.e != nil && len(items)+s.e.bytes() > batch
		if full || steps > scanSteps {
			next = s.seq - 1
			break
		}
		if s.e == nil {
			continue
		}
		items = append(items, s.e.key...)
		items = append(items, s.e.value...)
		items = AppendUint(items, s.e.version)
		n++
	}
	dst = AppendArray(dst, 3)
	dst = AppendUint(dst, next)
	dst = AppendUint(dst, until)
	return append(AppendArray(dst, 3*n), items...), nil
}

// bytes is what an entry takes in a scan, at most.
func (e *dictEntry) bytes() int { return len(e.key) + len(e.value) + 9 }

// scanSteps is how many places of the order one scan visits at most.
const scanSteps = 64 << 10

// Parts of a dict that a snapshot may give.
const (
	snapshotItems  = 0 // key, value, …
	snapshotKeys   = 1
	snapshotValues = 2
)

// record is a snapshot's hold on an entry, which goes on changing.
type record struct {
	key   string
	value []byte
}

const recordCost = 48

// Stream starts snapshot [part], watch [key…] and watchall [].
func (d *dict) Stream(sess *Session, method string, args []byte) (Stream, error) {
	r := Reader{rest: args}
	switch method {
	case "snapshot":
		r.Args(1)
		part := r.Uint()
		if r.err != nil {
			return nil, r.err
		}
		return d.snapshot(part, sess.Batch())
	case "watch":
		return d.watch(&r, sess.Batch())
	case "watchall":
		return d.watchAll(sess.Batch())
	}
	return nil, NoMethod(KindDict, method)
}

// snapshot gives the dict as it is at one moment. It copies references under
// the lock and is charged for them until the client has got everything.
func (d *dict) snapshot(part uint64, batch int) (Stream, error) {
	add, width := appendRecord, 2
	switch part {
	case snapshotItems:
	case snapshotKeys:
		add, width = func(dst []byte, r record) []byte { return append(dst, r.key...) }, 1
	case snapshotValues:
		add, width = func(dst []byte, r record) []byte { return append(dst, r.value...) }, 1
	default:
		return nil, fmt.Errorf("%w: a dict has no part %d", errs.ErrType, part)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errs.ErrClosed
	}
	cost := int64(recordCost * len(d.entries))
	if err := d.budget.Reserve(cost); err != nil {
		return nil, err
	}
	records := make([]record, 0, len(d.entries))
	for _, s := range d.order.slots {
		if s.e != nil {
			records = append(records, record{s.e.key, s.e.value})
		}
	}
	return &listStream[record]{items: records, add: add, width: width, batch: batch, done: func() { d.budget.Free(cost) }}, nil
}

func appendRecord(dst []byte, r record) []byte {
	return append(append(dst, r.key...), r.value...)
}
