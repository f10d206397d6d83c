package coord

import (
	"context"
	"fmt"
	"sync"

	"github.com/carom-ipc/carom/internal/errs"
)

// What happened to a key; changeClear to all of them.
const (
	changeSet    = 0
	changeDelete = 1
	changeClear  = 2
)

// A watcher that falls behind by this much is told so, instead of being left
// with a gap that it does not know of.
const (
	watchChanges = 4096
	watchBytes   = 4 << 20
)

type change struct {
	op      int
	key     string
	value   []byte
	version uint64
}

func (c change) size() int { return len(c.key) + len(c.value) }

// watchCost is charged for each key and each queued change of a watcher,
// beside the bytes.
const watchCost = 64

// dictWatcher is the stream watch [key…] of [op, key, value, version] for
// changes of these keys, or of all if none is named.
type dictWatcher struct {
	d     *dict
	keys  map[string]struct{} // nil: all
	batch int                 // bytes that only a single change may exceed

	mu    sync.Mutex
	first []change // what there was when watchall began, and is not delivered yet
	queue []change
	bytes int
	held  int64 // of the budget
	err   error
	wake  chan struct{} // of capacity 1
}

func (d *dict) watch(r *Reader, batch int) (Stream, error) {
	w := &dictWatcher{d: d, batch: batch, wake: make(chan struct{}, 1)}
	if n := r.Array(); n > 0 {
		w.keys = map[string]struct{}{}
		for range n {
			key := r.Raw()
			if err := w.hold(int64(watchCost + len(key))); err != nil {
				w.release(w.held)
				return nil, err
			}
			w.keys[string(key)] = struct{}{}
		}
	}
	err := r.err
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil && d.closed {
		err = errs.ErrClosed
	}
	if err != nil {
		w.release(w.held)
		return nil, err
	}
	d.watchers[w] = struct{}{}
	return w, nil
}

// watchAll is watch of all keys, which begins with what is there as changes that set it. Like
// a snapshot it copies references under the lock, and is charged for them.
func (d *dict) watchAll(batch int) (Stream, error) {
	w := &dictWatcher{d: d, batch: batch, wake: make(chan struct{}, 1)}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errs.ErrClosed
	}
	if err := w.hold(int64(watchCost * len(d.entries))); err != nil {
		return nil, err
	}
	w.first = make([]change, 0, len(d.entries))
	for _, s := range d.order.slots {
		if e := s.e; e != nil {
			w.first = append(w.first, change{changeSet, e.key, e.value, e.version})
		}
	}
	d.watchers[w] = struct{}{}
	return w, nil
}

// hold takes memory for the watcher, which release gives back.
func (w *dictWatcher) hold(n int64) error {
	if err := w.d.budget.Reserve(n); err != nil {
		return err
	}
	w.held += n
	return nil
}

func (w *dictWatcher) release(n int64) {
	w.held -= n
	w.d.budget.Free(n)
}

// notify tells the watchers. d.mu is held, which keeps changes in order.
func (d *dict) notify(op int, key string, value []byte, version uint64) {
	for w := range d.watchers {
		if _, ok := w.keys[key]; ok || w.keys == nil || op == changeClear {
			w.offer(change{op, key, value, version})
		}
	}
}

func (w *dictWatcher) offer(c change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return
	}
	// One change always fits, however large.
	if len(w.queue) >= watchChanges || (len(w.queue) > 0 && w.bytes+c.size() > watchBytes) {
		w.fail(fmt.Errorf("%w: the watcher lagged behind by more than %d changes or %d bytes",
			errs.ErrFull, watchChanges, watchBytes))
		return
	}
	if err := w.hold(int64(watchCost + c.size())); err != nil {
		w.fail(err)
		return
	}
	w.queue = append(w.queue, c)
	w.bytes += c.size()
	w.signal()
}

// end makes Next return err once everything before has been delivered.
func (w *dictWatcher) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
		w.signal()
	}
}

// fail makes Next return err at once: what is queued has no continuation.
// w.mu is held.
func (w *dictWatcher) fail(err error) {
	w.err = err
	w.drop()
	w.signal()
}

// drop forgets what is queued. w.mu is held.
func (w *dictWatcher) drop() {
	w.release(int64(watchCost*(len(w.first)+len(w.queue)) + w.bytes))
	w.first, w.queue, w.bytes = nil, nil, 0
}

func (w *dictWatcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take returns changes for one batch.
func (w *dictWatcher) take() ([]change, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.first) > 0 {
		n, _ := w.fit(w.first)
		batch := w.first[:n:n]
		w.first = w.first[n:]
		w.release(int64(watchCost * n))
		return batch, nil
	}
	if len(w.queue) == 0 {
		return nil, w.err
	}
	n, bytes := w.fit(w.queue)
	batch := w.queue[:n:n]
	w.queue = w.queue[n:]
	w.bytes -= bytes
	w.release(int64(watchCost*n + bytes))
	return batch, nil
}

// fit is how many changes go into a batch, at least one, and their bytes.
func (w *dictWatcher) fit(cs []change) (n, bytes int) {
	for n < len(cs) && (n == 0 || bytes+cs[n].size()+(n+1)*changeHeads <= w.batch) {
		bytes += cs[n].size()
		n++
	}
	return n, bytes
}

// Next appends an array of changes, at least one.
func (w *dictWatcher) Next(ctx context.Context, dst []byte) ([]byte, bool, error) {
	for {
		batch, err := w.take()
		if err != nil {
			return dst, false, err
		}
		if len(batch) > 0 {
			dst = AppendArray(dst, len(batch))
			for _, c := range batch {
				dst = c.append(dst)
			}
			return dst, true, nil
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return dst, false, ctx.Err()
		}
	}
}

// changeHeads is what a change takes beside its key and value, at most.
const changeHeads = 12

func (c change) append(dst []byte) []byte {
	dst = AppendInt(AppendArray(dst, 4), int64(c.op))
	if c.op == changeClear {
		dst = AppendNull(dst)
	} else {
		dst = append(dst, c.key...)
	}
	if c.op == changeSet {
		dst = append(dst, c.value...)
	} else {
		dst = AppendNull(dst)
	}
	return AppendUint(dst, c.version)
}

func (w *dictWatcher) Close() {
	w.d.mu.Lock()
	delete(w.d.watchers, w)
	w.d.mu.Unlock()
	w.end(errs.ErrClosed)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop()
	w.release(w.held) // for the keys
}
