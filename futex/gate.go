package futex

import (
	"context"
	"sync"

	"github.com/carom-ipc/carom/internal/errs"
)

// gates let one goroutine of this process at a time compete for a contended
// word; the others queue here, in order, and cost no thread.
type gates struct {
	shards [gateShards]gateShard
}

const gateShards = 64

type gateShard struct {
	mu   sync.Mutex
	open map[*uint32]*gate
	idle *gate    // the last one closed, for the next to open
	_    [32]byte // a shard a cache line
}

// gate exists while somebody is inside.
type gate struct {
	first, last *gateWaiter
	inside      *Domain // whose goroutine
}

type gateWaiter struct {
	next, prev *gateWaiter
	d          *Domain
	turn       turn
	granted    bool // guarded by the shard's mutex
	expelled   bool // likewise
}

var gateWaiters = sync.Pool{New: func() any { return &gateWaiter{turn: newTurn()} }}

// enter returns when the caller, a goroutine of d, is the one inside the gate of word, or
// with the context's error, or with ErrClosed.
func (g *gates) enter(ctx context.Context, word *uint32, d *Domain) error {
	d.arrive() // before the look at d: a Close that comes after it expels this one
	s := &g.shards[gateIndex(word)]
	s.mu.Lock()
	if d.Closed() {
		s.mu.Unlock()
		d.depart()
		return errs.ErrClosed
	}
	in, busy := s.open[word]
	if !busy {
		if s.open == nil {
			s.open = make(map[*uint32]*gate)
		}
		in, s.idle = s.idle, nil
		if in == nil {
			in = new(gate)
		}
		s.open[word] = in
		in.inside = d
		s.mu.Unlock()
		return nil
	}
	w := gateWaiters.Get().(*gateWaiter)
	w.prev, w.d = in.last, d
	if in.last == nil {
		in.first = w
	} else {
		in.last.next = w
	}
	in.last = w
	s.mu.Unlock()

	if w.turn.await(ctx) {
		if w.expelled {
			d.depart()
			return errs.ErrClosed
		}
		w.turn.reset()
		*w = gateWaiter{turn: w.turn}
		gateWaiters.Put(w) // nobody else knows it any more, as its turn has come
		return nil
	}
	s.mu.Lock()
	if w.granted { // the turn came with the cancellation: pass it on
		s.mu.Unlock()
		g.leave(word)
		return ctx.Err()
	}
	if !w.expelled {
		in.remove(w)
	}
	s.mu.Unlock()
	d.depart()
	return ctx.Err()
}

// enter is the gates', and ErrClosed to those whose turn comes after Close: what lay
// behind the word may be gone.
func (d *Domain) enter(ctx context.Context, word *uint32) error {
	if err := d.gates.enter(ctx, word, d); err != nil {
		return err
	}
	if d.Closed() {
		d.gates.leave(word)
		return errs.ErrClosed
	}
	return nil
}

// leave hands the gate to the next in line.
func (g *gates) leave(word *uint32) {
	s := &g.shards[gateIndex(word)]
	s.mu.Lock()
	in := s.open[word]
	d, w := in.inside, in.first
	if w == nil {
		delete(s.open, word)
		in.inside = nil
		s.idle = in
		s.mu.Unlock()
		d.depart()
		return
	}
	in.remove(w)
	in.inside = w.d
	w.granted = true
	s.mu.Unlock()
	w.turn.give()
	d.depart()
}

// expel sends the goroutines of d, and of those below it, that queue at any gate away. d is
// closed: none comes after them that does not leave at once.
func (g *gates) expel(d *Domain) {
	for i := range g.shards {
		s := &g.shards[i]
		var out []*gateWaiter
		s.mu.Lock()
		for _, in := range s.open {
			for w := in.first; w != nil; w = w.next {
				if w.d.isUnder(d) {
					in.remove(w)
					w.expelled = true
					out = append(out, w)
				}
			}
		}
		s.mu.Unlock()
		for _, w := range out {
			w.turn.give()
		}
	}
}

func (in *gate) remove(w *gateWaiter) {
	if w.prev == nil {
		in.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		in.last = w.prev
	} else {
		w.next.prev = w.prev
	}
}
