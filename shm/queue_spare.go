package shm

import (
	"context"
	"errors"
	"sync"

	"github.com/carom-ipc/carom/internal/errs"
)

// spares are free blocks that a process keeps for a queue's next items, all of one size. They
// come and go many at a time, because the arena's lock, which producers and consumers
// share, costs more than all the rest of an item that is not copied.
//
// A spare block bears this process's name as any block in flight: if the process dies,
// the sweep frees it. Who goes to sleep gives them back, and so does the last handle to be
// closed. nil keeps none.
type spares struct {
	mu     sync.Mutex // never held while others are waited for
	blocks []uint64
	size   uint64
	want   int // how many to take along next time
	closed bool
}

// mostSpares is how many blocks are kept. What a process keeps in all is bounded as
// well: see Arena.spareBytes.
const mostSpares = 15

// spareBytes is how much a process may keep, so that all together keep a part of the
// budget that does not matter.
func (a *Arena) spareBytes() int64 {
	return int64(min(4*mib, a.head().budget/(16*uint64(max(1, a.procTop())))))
}

// pop takes a spare block of that size, 0 if there is none. Then it says how many to take
// along with the one that is needed: none at first, more with each time.
func (s *spares) pop(a *Arena, size uint64) (block uint64, along int) {
	if s == nil {
		return 0, 0
	}
	room := a.spareBytes() - a.spare.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.blocks); n > 0 && s.size == size {
		block, s.blocks = s.blocks[n-1], s.blocks[:n-1]
		a.spare.Add(-int64(size))
		return block, 0
	}
	if s.size != size {
		s.want = 0
	}
	along = s.want
	if int64(along)*int64(size) > room {
		along = int(max(room, 0) / int64(size))
	}
	s.want = min(2*s.want+1, mostSpares)
	return 0, along
}

// push keeps blocks of that size. It appends to free what is to be freed instead: all, if
// there is no room or what was kept has another size.
func (s *spares) push(a *Arena, size uint64, blocks, free []uint64) []uint64 {
	if s == nil {
		return append(free, blocks...)
	}
	more := int64(len(blocks)) * int64(size)
	full := a.spare.Load()+more > a.spareBytes()
	s.mu.Lock()
	defer s.mu.Unlock()
	if full || s.closed || len(s.blocks)+len(blocks) > mostSpares || len(s.blocks) > 0 && s.size != size {
		return s.take(a, append(free, blocks...))
	}
	s.size = size
	s.blocks = append(s.blocks, blocks...)
	a.spare.Add(more)
	return free
}

// freeSpares frees what is kept; nothing is kept from now on. Precondition: the arena's lock
// is held.
func (a *Arena) freeSpares(o *Object) {
	if o.spare == nil {
		return
	}
	o.spare.mu.Lock()
	o.spare.closed = true
	o.spare.mu.Unlock()
	var room [mostSpares + 1]uint64
	a.freeAll(o.spare.drain(a, room[:0]))
}

// drain appends all spare blocks to free, to be freed.
func (s *spares) drain(a *Arena, free []uint64) []uint64 {
	if s == nil {
		return free
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.want = 0
	return s.take(a, free)
}

func (s *spares) take(a *Arena, free []uint64) []uint64 {
	free = append(free, s.blocks...)
	a.spare.Add(-int64(len(s.blocks)) * int64(s.size))
	s.blocks = s.blocks[:0]
	return free
}

// flush frees the spare blocks.
func (q *Items) flush() {
	var room [mostSpares + 1]uint64
	if free := q.o.spare.drain(q.a, room[:0]); len(free) > 0 {
		_ = q.a.dropAll(context.Background(), q.d, free)
	}
}

// reserve takes a block of at least n bytes.
func (q *Items) reserve(ctx context.Context, n uint64) (uint64, error) {
	size := blockSizeFor(n)
	block, along := q.o.spare.pop(q.a, size)
	if block != 0 {
		return block, nil
	}
	var room, over [mostSpares + 1]uint64
	blocks := room[:1+along]
	got, err := q.a.allocFlights(ctx, q.u, n, blocks)
	if errors.Is(err, errs.ErrNoMemory) {
		q.flush()
		got, err = q.a.allocFlights(ctx, q.u, n, blocks[:1])
	}
	if err != nil {
		return 0, err
	}
	if free := q.o.spare.push(q.a, size, blocks[1:got], over[:0]); len(free) > 0 {
		_ = q.a.dropAll(context.Background(), q.d, free)
	}
	return blocks[0], nil
}

// release frees a block in flight, or keeps it.
func (q *Items) release(block uint64) error {
	var room [mostSpares + 1]uint64
	one := [1]uint64{block}
	free := q.o.spare.push(q.a, q.a.blockSize(block), one[:], room[:0])
	if len(free) == 0 {
		return nil
	}
	return q.a.dropAll(context.Background(), q.d, free)
}
