package futex

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carom-ipc/carom/internal/atom"
)

// hub is where waits go when MaxDirect threads sleep already. Parked waiters share
// Buckets words, hashed by the word they wait on; whoever changes a word on which
// somebody sleeps also rings its bucket, if that is flagged. One thread waits for
// all flagged buckets, and looks after a ring at the words parked there.
type hub struct {
	d       *Domain
	mu      sync.Mutex
	buckets [Buckets]map[*parked]struct{}
	started bool
	closed  bool
	kick    uint32 // private futex word: a bucket came into use, or the hub closes
	done    chan struct{}
}

type parked struct {
	word *uint32
	val  uint32
	wake chan struct{}
}

func (h *hub) init(d *Domain) { h.d = d; h.done = make(chan struct{}) }

// park returns when *word is no longer val, the context ends, closing is closed, or the
// time is over.
func (h *hub) park(ctx context.Context, closing <-chan struct{}, word *uint32, val uint32, limit time.Duration) {
	p := &parked{word: word, val: val, wake: make(chan struct{}, 1)}
	b := h.d.bucket(word)
	h.mu.Lock()
	if h.buckets[b] == nil {
		h.buckets[b] = make(map[*parked]struct{})
	}
	h.buckets[b][p] = struct{}{}
	if !h.started {
		h.started = true
		go h.run()
	} else if len(h.buckets[b]) == 1 || atom.Load32(&h.d.parking[b])&1 == 0 {
		atomic.AddUint32(&h.kick, 1)
		wakePrivate(&h.kick)
	}
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.buckets[b], p)
		h.mu.Unlock()
	}()
	if atom.Load32(word) != val { // a ring before p stood in the bucket was not for p
		return
	}

	var timeout <-chan time.Time
	if limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		timeout = t.C
	}
	select {
	case <-p.wake:
	case <-ctx.Done():
	case <-timeout:
	case <-closing:
	}
}

// run flags each bucket in use, looks at its words, then sleeps on the flagged
// values: a ring after the flag changes the value, one before it left its traces in
// the words.
func (h *hub) run() {
	defer close(h.done)
	for {
		kick := atomic.LoadUint32(&h.kick)
		vec := []waitv{privateWord(&h.kick, kick)}
		var words []*uint32
		var vals []uint32
		h.mu.Lock()
		if h.closed {
			h.mu.Unlock()
			return
		}
		for i := range h.buckets {
			if len(h.buckets[i]) == 0 {
				continue
			}
			v := h.flag(&h.d.parking[i])
			for p := range h.buckets[i] {
				if atom.Load32(p.word) != p.val {
					select {
					case p.wake <- struct{}{}:
					default:
					}
				}
			}
			words, vals = append(words, &h.d.parking[i]), append(vals, v)
			vec = append(vec, sharedWord(&h.d.parking[i], v))
		}
		h.mu.Unlock()
		if !waitMany(vec, 0) {
			h.waitEach(kick, words, vals)
		}
	}
}

// flag sets bit 0 and returns the value to sleep on.
func (h *hub) flag(b *uint32) uint32 {
	for {
		v := atom.Load32(b)
		if v&1 != 0 || atom.CAS32(b, v, v|1) {
			return v | 1
		}
	}
}

// waitEach stands in for waitMany on kernels without it: a thread for each bucket
// in use, until any of them or the kick word changes. The waits that did not end
// are woken through their own bits.
func (h *hub) waitEach(kick uint32, words []*uint32, vals []uint32) {
	const bit = 1 << 31 // sleepers use the others
	var changed atomic.Bool
	var all sync.WaitGroup
	stop := func() {
		if changed.Swap(true) {
			return
		}
		atomic.AddUint32(&h.kick, 1)
		wakePrivate(&h.kick)
	}
	var left atomic.Int32
	left.Store(int32(len(words)))
	for i := range words {
		all.Go(func() {
			for !changed.Load() && atom.Load32(words[i]) == vals[i] {
				waitBits(words[i], vals[i], bit, 0)
			}
			left.Add(-1)
			stop()
		})
	}
	for !changed.Load() && atomic.LoadUint32(&h.kick) == kick {
		waitPrivate(&h.kick, kick)
	}
	changed.Store(true)
	for left.Load() > 0 {
		for _, w := range slices.Backward(words) {
			wakeBits(w, bit)
		}
		time.Sleep(10 * time.Microsecond)
	}
	all.Wait()
}

func (h *hub) close() {
	h.mu.Lock()
	started := h.started
	h.closed = true
	atomic.AddUint32(&h.kick, 1)
	wakePrivate(&h.kick)
	h.mu.Unlock()
	if started {
		<-h.done
	}
}
