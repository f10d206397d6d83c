//go:build carom_sched

package shm

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/sched"
)

// market is a queue with producers, processes 1 and 2, and consumers, 3 and 4. An item
// says who put it and which of that producer's it is.
type market struct {
	*stage
	q       [players + 1]*Items
	size    int // of an item
	large   bool
	each    int              // items of a producer
	put     [players + 1]int // Puts that returned
	taken   [players + 1][]item
	missing int // items that may be missing, in the hands of the dead
}

type item struct{ by, n int }

func newMarket(s *sched.Schedule, confirm bool) *market {
	m := &market{stage: newStage(s), each: 1 + s.Choose(4)}
	m.size = []int{8, 8, 8, 100, 1300}[s.Choose(5)]
	m.large = s.Choose(4) == 0
	m.open([]int{1, 1, 2, 3, 0}[s.Choose(5)], confirm)
	return m
}

func (m *market) open(cap int, confirm bool) {
	for i := 1; i <= players; i++ {
		var err error
		m.q[i], err = openQueue(m.a[i], background, QueueSpec(ByteQueue, "q", "", cap, confirm))
		sched.Must(err)
	}
}

// sound is the stage's, when those who live keep nothing.
func (m *market) sound(living int) {
	for i := 1; i <= players; i++ {
		if !m.Died(i) {
			m.q[i].flush()
		}
	}
	m.stage.sound(living)
}

func (m *market) encode(x item) []byte {
	b := make([]byte, m.size)
	binary.LittleEndian.PutUint32(b, uint32(x.by))
	binary.LittleEndian.PutUint32(b[4:], uint32(x.n))
	return b
}

func decode(b []byte) item {
	return item{int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))}
}

// give puts one item, in a block of its own if the market's are large.
func (m *market) give(ctx context.Context, i int) error {
	b := m.encode(item{i, m.put[i]})
	if !m.large {
		return m.q[i].Put(ctx, nil, b, true)
	}
	block, buf, err := m.q[i].Reserve(ctx, len(b))
	if err != nil {
		return err
	}
	copy(buf, b)
	if err := m.q[i].Commit(ctx, block, len(b), true); err != nil {
		sched.Must(m.q[i].Drop(block))
		return err
	}
	return nil
}

func (m *market) produce(ctx context.Context, i int) error {
	for m.put[i] < m.each {
		if err := m.give(ctx, i); err != nil {
			return err
		}
		m.put[i]++
	}
	return nil
}

// get takes one item.
func (m *market) get(ctx context.Context, i int, wait bool) (x item, c Claim, err error) {
	read := func(b []byte) { x = decode(b) }
	c, err = m.q[i].Get(ctx, wait, read, read)
	return x, c, err
}

// consume takes items until there will be no more.
func (m *market) consume(ctx context.Context, i int) error {
	for {
		x, _, err := m.get(ctx, i, true)
		if err != nil {
			return err
		}
		m.taken[i] = append(m.taken[i], x)
	}
}

// finish closes the queue when both producers are done, which is counted in open.
func (m *market) producers(s *sched.Schedule, produce func(i int)) {
	open := 2
	for i := 1; i <= 2; i++ {
		s.Go(i, "producer", func() {
			produce(i)
			if open--; open == 0 {
				sched.Must(m.q[i].CloseWrite(background))
			}
		})
	}
}

// check counts what was taken against what was put, and looks at the order.
func (m *market) check() {
	seen := make(map[item]int)
	for i := 3; i <= 4; i++ {
		last := map[int]int{1: -1, 2: -1}
		for _, x := range m.taken[i] {
			if seen[x]++; seen[x] > 1 {
				sched.Failf("item %v was taken twice", x)
			}
			if x.n <= last[x.by] {
				sched.Failf("item %v was taken after %d of the same producer", x, last[x.by])
			}
			last[x.by] = x.n
		}
	}
	lost := 0
	for by := 1; by <= 2; by++ {
		for n := range m.put[by] {
			if seen[item{by, n}] == 0 {
				lost++
			}
			delete(seen, item{by, n})
		}
		if m.Died(by) {
			delete(seen, item{by, m.put[by]}) // its last Put did not return
		}
	}
	if lost > m.missing || len(seen) > 0 {
		sched.Failf("%d items are missing, and %v were never put", lost, seen)
	}
	expect("items left", m.q[4].Len(), 0)
	m.sound(4)
}

// Two producers and two consumers: everything arrives once and in order, and everybody
// learns of the end.
func queueOrder(s *sched.Schedule) func() {
	m := newMarket(s, false)
	m.producers(s, func(i int) { sched.Must(m.produce(background, i)) })
	for i := 3; i <= 4; i++ {
		s.Go(i, "consumer", func() { is(m.consume(background, i), io.EOF) })
	}
	return m.check
}

// The same by batches.
func queueBatch(s *sched.Schedule) func() {
	m := newMarket(s, false)
	m.each++
	m.producers(s, func(i int) {
		var b []byte
		for n := range m.each {
			b = append(b, m.encode(item{i, n})...)
		}
		n, err := m.q[i].PutMany(background, b, m.size)
		sched.Must(err)
		m.put[i] = n
	})
	for i := 3; i <= 4; i++ {
		s.Go(i, "consumer", func() {
			for {
				_, _, err := m.q[i].GetMany(background, 1+s.Choose(3), func(_ int, b []byte) {
					m.taken[i] = append(m.taken[i], decode(b))
				})
				if !is(err, io.EOF) {
					return
				}
			}
		})
	}
	return m.check
}

// A producer and a consumer give up at any time: what they had been told of is the
// others'.
func queueCancel(s *sched.Schedule) func() {
	m := newMarket(s, false)
	ctx := [players + 1]context.Context{1: background, 2: background, 3: background, 4: background}
	who := s.Choose(3)
	if who != 1 {
		ctx[1] = m.cancels(1, context.Canceled)
	}
	if who != 0 {
		ctx[3] = m.cancels(3, context.Canceled)
	}
	m.producers(s, func(i int) { is(m.produce(ctx[i], i), context.Canceled) })
	for i := 3; i <= 4; i++ {
		s.Go(i, "consumer", func() { is(m.consume(ctx[i], i), io.EOF, context.Canceled) })
	}
	return m.check
}

// A consumer that takes many gives up at any time, also between two large items.
func queueManyCancel(s *sched.Schedule) func() {
	m := newMarket(s, false)
	m.large = m.large || s.Choose(2) == 0
	ctx := [players + 1]context.Context{3: m.cancels(3, context.Canceled), 4: background}
	m.producers(s, func(i int) { sched.Must(m.produce(background, i)) })
	for i := 3; i <= 4; i++ {
		s.Go(i, "consumer", func() {
			for {
				_, _, err := m.q[i].GetMany(ctx[i], 1+s.Choose(4), func(_ int, b []byte) {
					m.taken[i] = append(m.taken[i], decode(b))
				})
				if !is(err, io.EOF, context.Canceled) {
					return
				}
			}
		})
	}
	return m.check
}

// A producer, a consumer or both die anywhere. What they had in their hands may be lost,
// one item each, and nothing else is; the others go on to the end.
func queueDeath(s *sched.Schedule) func() {
	m := newMarket(s, false)
	switch s.Choose(3) {
	case 0:
		m.mortal(1)
	case 1:
		m.mortal(3)
	default:
		m.mortal(1, 3)
	}
	s.Go(1, "producer", func() { is(m.produce(background, 1), errs.ErrClosed) })
	s.Go(2, "producer", func() {
		sched.Must(m.produce(background, 2))
		sched.Must(m.q[2].CloseWrite(background))
	})
	for i := 3; i <= 4; i++ {
		s.Go(i, "consumer", func() { is(m.consume(background, i), io.EOF) })
	}
	return func() {
		if m.Died(3) {
			m.missing = 1
		}
		m.check()
	}
}

// bazaar is a market whose items are to be confirmed.
type bazaar struct {
	*market
	done     [players + 1]map[item]bool // Done returned
	doing    [players + 1]item          // Done was called
	returned int
	late     bool // the first item is confirmed last
}

func newBazaar(s *sched.Schedule) *bazaar { return bazaarOf(newMarket(s, true)) }

func bazaarOf(m *market) *bazaar {
	b := &bazaar{market: m}
	for i := range b.done {
		b.done[i] = make(map[item]bool)
	}
	return b
}

// newWide is a bazaar with items in three segments, of which the first is confirmed last.
func newWide(s *sched.Schedule) *bazaar {
	m := &market{stage: newStage(s), size: 8000}
	m.open(0, true)
	b := bazaarOf(m)
	b.late, b.each = true, 9
	sched.Must(b.produce(background, 1))
	b.each += s.Choose(3)
	return b
}

// consume takes items until the end, and confirms or returns each, some later.
func (b *bazaar) consume(ctx context.Context, i int) error {
	type held struct {
		x item
		c Claim
	}
	var hands []held
	settle := func() {
		k := 0
		if b.late && len(hands) > 1 && hands[0].x == (item{1, 0}) {
			k = 1 + b.Choose(len(hands)-1)
		}
		h := hands[k]
		hands = append(hands[:k:k], hands[k+1:]...)
		if b.returned < 3 && b.Choose(3) == 0 {
			b.returned++
			sched.Must(b.q[i].Return(background, h.c))
			return
		}
		b.doing[i] = h.x
		sched.Must(b.q[i].Done(background, h.c))
		b.done[i][h.x] = true
		b.doing[i] = item{}
	}
	for {
		x, c, err := b.get(ctx, i, len(hands) == 0)
		if err == nil {
			hands = append(hands, held{x, c})
		} else if len(hands) == 0 {
			return err
		}
		if b.late && len(hands) > 1 || len(hands) > 0 && (err != nil || b.Choose(2) == 0) {
			settle()
		}
	}
}

func (b *bazaar) check() {
	for by := 1; by <= 2; by++ {
		for n := range b.put[by] {
			x := item{by, n}
			three := b.done[3][x]
			if three && b.done[4][x] {
				sched.Failf("item %v was confirmed twice", x)
			}
			if !three && !b.done[4][x] && !(b.Died(3) && b.doing[3] == x) {
				sched.Failf("item %v was never confirmed", x)
			}
		}
	}
	h := b.q[4].h
	expect("items confirmed", h.done, h.tail.count)
	sched.Must(b.q[4].Join(background))
	expect("items left", b.q[4].Len(), 0)
	b.sound(4)
}

// Whatever is taken, returned and confirmed in whatever order: everything is confirmed
// once.
func queueConfirms(s *sched.Schedule) func() { return confirms(newBazaar(s), s) }

// The same over gaps in the window.
func queueLate(s *sched.Schedule) func() { return confirms(newWide(s), s) }

func confirms(b *bazaar, s *sched.Schedule) func() {
	b.producers(s, func(i int) { sched.Must(b.produce(background, i)) })
	for i := 3; i <= 4; i++ {
		s.Go(i, "consumer", func() { is(b.consume(background, i), io.EOF) })
	}
	return b.check
}

// A producer, a consumer or both die anywhere: every item is confirmed all the same.
func queueConfirmDeath(s *sched.Schedule) func() { return confirmDeath(newBazaar(s), s) }

// The same over gaps in the window.
func queueLateDeath(s *sched.Schedule) func() { return confirmDeath(newWide(s), s) }

func confirmDeath(b *bazaar, s *sched.Schedule) func() {
	if s.Choose(3) == 0 {
		b.mortal(1, 3)
	} else {
		b.mortal(3)
	}
	s.Go(1, "producer", func() { is(b.produce(background, 1), errs.ErrClosed) })
	s.Go(2, "producer", func() {
		sched.Must(b.produce(background, 2))
		sched.Must(b.q[2].CloseWrite(background))
	})
	for i := 3; i <= 4; i++ {
		s.Go(i, "consumer", func() {
			if err := b.consume(background, i); !errors.Is(err, io.EOF) {
				sched.Must(err)
			}
		})
	}
	return b.check
}
