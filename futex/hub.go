package futex

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carom-ipc/carom/internal/atom"
)

// hub is where waits go when MaxDirect threads sleep already. Parked waiters share
// Buckets words, hashed by the word they wait on; whoever changes a word on which
// somebody sleeps also rings its bucket, if that is flagged. One thread waits for
// all flagged buckets, and looks after a ring at the words parked there that may be meant.
type hub struct {
	d       *Domain
	mu      sync.Mutex
	shelves [Buckets]*shelf
	started bool
	closed  bool
	kick    uint32 // private futex word: a bucket came into use, or the hub closes
	done    chan struct{}
}

// shelf is what is parked in a bucket.
type shelf struct {
	parked int
	known  bool   // seen is the bucket as it was flagged, and the words were looked at then
	seen   uint32 // see flagBucket
	groups [groups]*parked
}

type parked struct {
	d          *Domain // whose goroutine
	word       *uint32
	val        uint32
	wake       chan struct{} // one too many does no harm
	next, prev *parked       // of its group
}

func (h *hub) init(d *Domain) { h.d = d; h.done = make(chan struct{}) }

// park returns when *p.word is no longer p.val, the context ends, p's Domain is closed, or
// the time is over.
func (h *hub) park(ctx context.Context, p *parked, limit time.Duration) {
	if p.wake == nil {
		p.wake = make(chan struct{}, 1)
	}
	b, group := h.d.bucket(p.word)
	h.mu.Lock()
	s := h.shelves[b]
	if s == nil {
		s = new(shelf)
		h.shelves[b] = s
	}
	s.put(p, group)
	if !h.started {
		h.started = true
		go h.run()
	} else if s.parked == 1 || atom.Load32(&h.d.parking[b])&bucketFlag == 0 {
		atomic.AddUint32(&h.kick, 1)
		wakePrivate(&h.kick)
	}
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		s.take(p, group)
		h.mu.Unlock()
	}()
	// A ring before p stood on the shelf was not for p, nor was a Close.
	if atom.Load32(p.word) != p.val || p.d.Closed() {
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
	}
}

func (s *shelf) put(p *parked, group uint32) {
	p.prev, p.next = nil, s.groups[group]
	if p.next != nil {
		p.next.prev = p
	}
	s.groups[group] = p
	s.parked++
}

func (s *shelf) take(p *parked, group uint32) {
	if p.next != nil {
		p.next.prev = p.prev
	}
	if p.prev != nil {
		p.prev.next = p.next
	} else {
		s.groups[group] = p.next
	}
	s.parked--
}

func (p *parked) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// look wakes those of a group whose words have changed, and reports that there were any.
func (s *shelf) look(group int) (woken bool) {
	for p := s.groups[group]; p != nil; p = p.next {
		if atom.Load32(p.word) != p.val {
			woken = true
			p.rouse()
		}
	}
	return woken
}

// flag flags the shelf's bucket and looks at the words that may have changed. It reports
// that somebody was woken.
func (s *shelf) flag(bucket *uint32) (woken bool) {
	now, changed := flagBucket(bucket, s.seen)
	if !s.known {
		changed = everyGroup
	}
	s.seen, s.known = now, true
	switch changed {
	case noGroup:
	case everyGroup:
		for g := range s.groups {
			woken = s.look(g) || woken
		}
	default:
		woken = s.look(changed)
	}
	return woken
}

// run flags each bucket in use, looks at its words, then sleeps on the flagged
// values: a ring after the flag changes the value, one before it left its traces in
// the words.
func (h *hub) run() {
	defer close(h.done)
	var vec []waitv
	var words []*uint32
	var vals []uint32
	for {
		kick := atomic.LoadUint32(&h.kick)
		vec, words, vals = append(vec[:0], privateWord(&h.kick, kick)), words[:0], vals[:0]
		woken := false
		h.mu.Lock()
		if h.closed {
			h.mu.Unlock()
			return
		}
		for i, s := range h.shelves {
			switch {
			case s == nil:
			case s.parked == 0:
				s.known = false
			default:
				b := &h.d.parking[i]
				woken = s.flag(b) || woken
				words, vals = append(words, b), append(vals, s.seen)
				vec = append(vec, sharedWord(b, s.seen))
			}
		}
		h.mu.Unlock()
		if woken {
			// They go first: in the system call this thread would keep their processor
			// until the runtime finds out.
			runtime.Gosched()
			continue
		}
		if !waitMany(vec, 0) {
			h.waitEach(kick, words, vals)
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

// expel wakes those who are parked for d or for a Domain below it. d is closed: whoever
// comes to a shelf after this sees that.
func (h *hub) expel(d *Domain) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.shelves {
		if s == nil || s.parked == 0 {
			continue
		}
		for _, p := range s.groups {
			for ; p != nil; p = p.next {
				if p.d.isUnder(d) {
					p.rouse()
				}
			}
		}
	}
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
