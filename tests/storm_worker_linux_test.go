package tests

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/carom-ipc/carom"
)

// big is a value that is more than one atomic. All its words are equal, or it is torn.
type big [16]int64

func (b big) torn() bool {
	for _, v := range b {
		if v != b[0] {
			return true
		}
	}
	return false
}

type parcel struct {
	ID   uint32
	Life int32
	Sum  uint64
}

func newParcel(id uint32, life int) parcel {
	return parcel{id, int32(life), (uint64(id)<<32 | uint64(life)) * 0x9e3779b97f4a7c15}
}

// stormObjects are one of every kind.
type stormObjects struct {
	Progress  *carom.Array[int64]
	Counters  *carom.Array[int64]
	Condemned *carom.Array[int32]
	Cells     *carom.Array[int64]
	Marks     []*carom.Array[uint32] // for each channel
	Stop      *carom.Event

	Lock    *carom.Lock
	RLock   *carom.RLock
	Auto    *carom.Lock
	Plain   *carom.Semaphore
	Permits *carom.Semaphore
	Mutex   *carom.BoundedSemaphore
	Pool    *carom.BoundedSemaphore
	Cond    *carom.Condition
	Event   *carom.Event
	Barrier *carom.Barrier

	Queue  *carom.Queue[parcel]
	Capped *carom.Queue[parcel]
	Sure   *carom.Queue[parcel]
	Loads  *carom.Queue[[]byte]
	Views  *carom.ByteQueue

	Sum    *carom.Value[int64]
	Cas    *carom.Value[uint32]
	Big    *carom.Value[big]
	Stored *carom.Value[big]
	Pair   *carom.Array[int64]
	Spread *carom.Array[int64]
}

type stormArgs struct {
	Place, Life int
	Seed        uint64
	stormObjects
}

// storming is one worker.
type storming struct {
	*stormArgs
	tally
	rand     *rand.Rand
	ctx      context.Context
	channels []channel
	permits  int
	pooled   int
}

var stormWorker = carom.NewWorker("storm", func(ctx context.Context, a stormArgs) error {
	signal.Reset(syscall.SIGQUIT) // whose dump the storm asks for where somebody hangs
	s := &storming{stormArgs: &a, tally: tally{a.Counters}, ctx: ctx, rand: rand.New(rand.NewPCG(a.Seed, uint64(a.Life)))}
	s.channels = s.openChannels()
	kinds := []func() error{s.lock, s.rlock, s.auto, s.plain, s.permit, s.mutex, s.pool, s.cond, s.event, s.barrier,
		s.values, s.bigs, s.arrays, s.channel, s.channel, s.channel, s.channel}
	for !a.Stop.IsSet() && ctx.Err() == nil {
		i := s.rand.IntN(len(kinds))
		if err := kinds[i](); err != nil && ctx.Err() == nil {
			return fmt.Errorf("life %d of place %d (pid %d), kind %d: %w", a.Life, a.Place, os.Getpid(), i, err)
		}
		carom.AddAt(a.Progress, a.Place, 1)
	}
	return nil
})

// surely bounds what must come soon, whoever dies.
func (s *storming) surely() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.ctx, patience)
}

// briefly bounds what may never come.
func (s *storming) briefly() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.ctx, time.Duration(s.rand.IntN(5000))*time.Microsecond)
}

func gaveUp(err error) bool { return errors.Is(err, context.DeadlineExceeded) }

// condemned reports that a life was about to be ended.
func (s *storming) condemned(life int64) bool { return s.Condemned.Load(int(life)) != 0 }

// guarded adds one to a pair of words and says meanwhile who is at it. repair says that
// the last who was at it died. Nobody else is there, or exclusion is broken.
func (s *storming) guarded(cell, what int, repair bool) error {
	c := s.Cells
	if h := c.Load(cell); h != 0 && (!repair || !s.condemned(h)) {
		return fmt.Errorf("two at %s at once: life %d is there", countNames[what], h)
	}
	if x, y := c.Load(cell+1), c.Load(cell+2); x != y {
		if !repair {
			return fmt.Errorf("%s: its owner died in the middle and nobody was told: %d, %d", countNames[what], x, y)
		}
		c.Store(cell+2, x)
	}
	c.Store(cell, int64(s.Life))
	s.begin(s.Life, what)
	c.Store(cell+1, c.Load(cell+1)+1)
	if s.rand.IntN(16) == 0 {
		runtime.Gosched()
	}
	c.Store(cell+2, c.Load(cell+2)+1)
	s.end(s.Life, what)
	c.Store(cell, 0)
	return nil
}

// held acquires a lock, whatever has become of its owner, and releases it.
func (s *storming) held(l *carom.Lock, f func(repair bool) error) error {
	ctx, cancel := s.surely()
	defer cancel()
	err, repair := l.Lock(ctx), false
	if errors.Is(err, carom.ErrOwnerDied) {
		err, repair = l.Recover(ctx), true
	}
	if err != nil {
		return err
	}
	return errors.Join(f(repair), l.Unlock())
}

func (s *storming) lock() error {
	if s.rand.IntN(4) == 0 { // some only try, or give up
		ctx, cancel := s.briefly()
		defer cancel()
		try := func() error { return s.Lock.Lock(ctx) }
		if s.rand.IntN(2) == 0 {
			try = s.Lock.TryLock
		}
		switch err := try(); {
		case errors.Is(err, carom.ErrLocked), errors.Is(err, carom.ErrOwnerDied), gaveUp(err):
			return nil
		case err != nil:
			return err
		}
		return errors.Join(s.guarded(cellLock, countLock, false), s.Lock.Unlock())
	}
	return s.held(s.Lock, func(repair bool) error { return s.guarded(cellLock, countLock, repair) })
}

func (s *storming) auto() error {
	ctx, cancel := s.surely()
	defer cancel()
	return s.Auto.Do(ctx, func() error { return s.guarded(cellAuto, countAuto, true) })
}

func (s *storming) rlock() error {
	ctx, cancel := s.surely()
	defer cancel()
	repair := false
	outer, err := s.RLock.Lock(ctx)
	if errors.Is(err, carom.ErrOwnerDied) {
		outer, err = s.RLock.Recover(ctx)
		repair = true
	}
	if err != nil {
		return err
	}
	inner, err := s.RLock.Lock(outer)
	if err != nil {
		return err
	}
	return errors.Join(s.guarded(cellRLock, countRLock, repair), s.RLock.Unlock(inner), s.RLock.Unlock(outer))
}

func (s *storming) plain() error {
	if s.rand.IntN(2) == 0 {
		s.begin(s.Life, countUp)
		if err := s.Plain.Release(); err != nil {
			return err
		}
		s.end(s.Life, countUp)
		return nil
	}
	ctx, cancel := s.briefly()
	defer cancel()
	s.begin(s.Life, countDown)
	if err := s.Plain.Acquire(ctx); err != nil {
		s.forget(s.Life, countDown)
		if gaveUp(err) {
			return nil
		}
		return err
	}
	s.end(s.Life, countDown)
	return nil
}

// permit holds up to three permits at a time, over many rounds.
func (s *storming) permit() error {
	if v := s.Permits.Value(); v < 0 || v > 4 {
		return fmt.Errorf("a semaphore of 4 permits has %d", v)
	}
	if s.permits > 0 && s.rand.IntN(5) < s.permits+1 {
		s.permits--
		return s.Permits.Release()
	}
	ctx, cancel := s.briefly()
	defer cancel()
	err := s.Permits.Acquire(ctx)
	if err == nil {
		s.permits++
	} else if gaveUp(err) {
		return nil
	}
	return err
}

func (s *storming) pool() error {
	if s.pooled > 0 {
		s.pooled--
		return s.Pool.Release()
	}
	ctx, cancel := s.surely() // all others give theirs back, or die
	defer cancel()
	if err := s.Pool.Acquire(ctx); err != nil {
		return err
	}
	if s.rand.IntN(8) == 0 {
		s.pooled++ // for a while
		return nil
	}
	return s.Pool.Release()
}

// mutex is a semaphore of one permit: who has it is alone, the others are dead.
func (s *storming) mutex() error {
	ctx, cancel := s.surely()
	defer cancel()
	if err := s.Mutex.Acquire(ctx); err != nil {
		return err
	}
	if h := s.Cells.Load(cellMutex); h != 0 && !s.condemned(h) {
		return fmt.Errorf("two hold the one permit: life %d is alive", h)
	}
	s.Cells.Store(cellMutex, int64(s.Life))
	if s.rand.IntN(16) == 0 {
		runtime.Gosched()
	}
	s.Cells.Store(cellMutex, 0)
	return s.Mutex.Release()
}

// cond puts tokens and takes them.
func (s *storming) cond() error {
	if s.rand.IntN(2) == 0 {
		return s.held(s.Cond.L(), func(bool) error {
			s.begin(s.Life, countTokens)
			carom.AddAt(s.Cells, cellTokens, 1)
			s.end(s.Life, countTokens)
			if s.rand.IntN(8) == 0 {
				return s.Cond.NotifyAll()
			}
			return s.Cond.Notify(1)
		})
	}
	ctx, cancel := s.briefly()
	defer cancel()
	err := s.Cond.L().Lock(ctx)
	if err == nil {
		err = s.Cond.WaitFor(ctx, func() bool { return s.Cells.Load(cellTokens) > 0 })
		if errors.Is(err, carom.ErrOwnerDied) { // without the lock
			return nil
		}
		if err == nil {
			s.begin(s.Life, countTaken)
			carom.AddAt(s.Cells, cellTokens, -1)
			s.end(s.Life, countTaken)
		}
		err = errors.Join(err, s.Cond.L().Unlock())
	}
	if errors.Is(err, carom.ErrOwnerDied) || gaveUp(err) {
		return nil
	}
	return err
}

func (s *storming) event() error {
	switch s.rand.IntN(3) {
	case 0:
		return s.Event.Set()
	case 1:
		return s.Event.Clear()
	}
	ctx, cancel := s.briefly()
	defer cancel()
	if err := s.Event.Wait(ctx); !gaveUp(err) {
		return err
	}
	return nil
}

func (s *storming) barrier() error {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	time.AfterFunc(time.Duration(s.rand.IntN(20))*time.Millisecond, cancel)
	i, err := s.Barrier.Wait(ctx)
	switch {
	case err == nil && (i < 0 || i > 2):
		return fmt.Errorf("arrived as %d of 3", i)
	case err == nil:
		s.end(s.Life, []int{countIndex0, countIndex1, countIndex2}[i])
	case errors.Is(err, carom.ErrBroken):
		return s.Barrier.Reset()
	case !errors.Is(err, context.Canceled):
		return err
	}
	return nil
}

func (s *storming) values() error {
	s.begin(s.Life, countAdd)
	carom.Add(s.Sum, 1)
	s.end(s.Life, countAdd)
	s.begin(s.Life, countSwap)
	for v := s.Cas.Load(); !carom.CompareAndSwap(s.Cas, v, v+1); v = s.Cas.Load() {
	}
	s.end(s.Life, countSwap)
	return nil
}

func (s *storming) bigs() error {
	switch s.rand.IntN(4) {
	case 0:
		ctx, cancel := s.surely()
		defer cancel()
		s.begin(s.Life, countUpdate)
		err := s.Big.Update(ctx, func(b *big) error {
			if b.torn() {
				return fmt.Errorf("torn: %v", *b)
			}
			for i := range b {
				b[i]++
			}
			return nil
		})
		if err == nil {
			s.end(s.Life, countUpdate)
		}
		return err
	case 1:
		v := s.rand.Int64()
		var b big
		for i := range b {
			b[i] = v
		}
		s.Stored.Store(b)
		return s.Stored.Err()
	case 2:
		if b := s.Stored.Load(); b.torn() {
			return fmt.Errorf("torn: %v", b)
		}
	case 3:
		if b := s.Big.Load(); b.torn() {
			return fmt.Errorf("torn: %v", b)
		}
	}
	return nil
}

func (s *storming) arrays() error {
	s.begin(s.Life, countAddAt)
	carom.AddAt(s.Spread, s.rand.IntN(s.Spread.Len()), 1)
	s.end(s.Life, countAddAt)
	ctx, cancel := s.surely()
	defer cancel()
	err := s.Pair.Do(ctx, func(p []int64) error {
		if p[0] != p[1] {
			return fmt.Errorf("an owner died in the middle and nobody was told: %v", p)
		}
		s.begin(s.Life, countDo)
		p[0]++
		p[1]++
		return nil
	})
	if errors.Is(err, carom.ErrOwnerDied) {
		if err = s.Pair.Lock().Recover(ctx); err == nil {
			n := s.Pair.Load(0)
			s.begin(s.Life, countDo)
			s.Pair.Store(0, n+1)
			s.Pair.Store(1, n+1)
			err = s.Pair.Lock().Unlock()
		}
	}
	if err == nil {
		s.end(s.Life, countDo)
	}
	return err
}

// channel is a queue of some kind, as the storm uses it.
type channel struct {
	sure bool // confirms
	fifo bool
	full int // do not put beyond
	len  func() int
	put  func(ctx context.Context, id uint32) error
	get  func(ctx context.Context) (id uint32, life int, err error)
	done func() error
	last map[int]uint32
}

func (s *storming) openChannels() []channel {
	parcels := func(q *carom.Queue[parcel]) channel {
		return channel{full: 500, len: q.Len, last: map[int]uint32{}, fifo: true,
			put: func(ctx context.Context, id uint32) error { return q.Put(ctx, newParcel(id, s.Life)) },
			get: func(ctx context.Context) (uint32, int, error) {
				p, err := q.Get(ctx)
				if err == nil && p != newParcel(p.ID, int(p.Life)) {
					err = fmt.Errorf("damaged: %v", p)
				}
				return p.ID, int(p.Life), err
			}}
	}
	plain, capped, sure := parcels(s.Queue), parcels(s.Capped), parcels(s.Sure)
	sure.sure, sure.fifo, sure.done = true, false, s.Sure.TaskDone
	loads := channel{full: 100, len: s.Loads.Len,
		put: func(ctx context.Context, id uint32) error {
			b := make([]byte, s.loadSize())
			fill(b, id)
			return s.Loads.Put(ctx, b)
		},
		get: func(ctx context.Context) (uint32, int, error) {
			b, err := s.Loads.Get(ctx)
			if err != nil {
				return 0, 0, err
			}
			id, err := examine(b)
			return id, 0, err
		}}
	var view []byte
	views := channel{full: 100, len: s.Views.Len,
		put: func(ctx context.Context, id uint32) error {
			b, err := s.Views.Reserve(ctx, s.loadSize())
			if err != nil {
				return err
			}
			fill(b, id)
			if err = s.Views.CommitContext(ctx, b); err != nil {
				err = errors.Join(err, s.Views.Release(b))
			}
			return err
		},
		get: func(ctx context.Context) (id uint32, _ int, err error) {
			if view, err = s.Views.Receive(ctx); err != nil {
				return 0, 0, err
			}
			id, err = examine(view)
			return id, 0, err
		},
		done: func() error { return s.Views.Release(view) }}
	return []channel{plain, capped, sure, loads, views}
}

func (s *storming) loadSize() int {
	if s.rand.IntN(4) == 0 {
		return 8 + s.rand.IntN(100_000)
	}
	return 8 + s.rand.IntN(200)
}

// fill makes the bytes tell what they are.
func fill(b []byte, id uint32) {
	binary.LittleEndian.PutUint32(b, id)
	for i := 4; i < len(b); i++ {
		b[i] = byte(id) + byte(i)*31
	}
}

func examine(b []byte) (uint32, error) {
	if len(b) < 8 {
		return 0, fmt.Errorf("damaged: %d bytes", len(b))
	}
	id := binary.LittleEndian.Uint32(b)
	for i := 4; i < len(b); i++ {
		if b[i] != byte(id)+byte(i)*31 {
			return 0, fmt.Errorf("damaged at %d of %d bytes: %#x", i, len(b), b[:8])
		}
	}
	return id, nil
}

func (s *storming) channel() error {
	i := s.rand.IntN(channels)
	c := &s.channels[i]
	marks := s.Marks[i]
	ctx, cancel := s.briefly()
	defer cancel()
	if c.len() < c.full && s.rand.IntN(2) == 0 {
		id := carom.AddAt(s.Cells, cellIDs+i, 1)
		if id >= int64(marks.Len()) {
			return nil
		}
		carom.AddAt(marks, int(id), markBegun)
		err := c.put(ctx, uint32(id))
		switch {
		case err == nil:
			carom.AddAt(marks, int(id), markPut)
		case gaveUp(err), errors.Is(err, carom.ErrNoMemory):
			carom.AddAt(marks, int(id), markRefused)
			err = nil
		}
		return err
	}
	return s.take(ctx, i)
}

func (s *storming) take(ctx context.Context, i int) error {
	c := &s.channels[i]
	marks := s.Marks[i]
	s.begin(s.Life, countGet+i)
	id, life, err := c.get(ctx)
	if err != nil {
		s.forget(s.Life, countGet+i)
		if gaveUp(err) {
			err = nil
		}
		return err
	}
	m := carom.AddAt(marks, int(id), markTaken)
	s.end(s.Life, countGet+i)
	switch {
	case m&markBegun == 0 || m&markRefused != 0:
		return fmt.Errorf("channel %d: item %d was not put: marks %#x", i, id, m)
	case !c.sure && takenOf(m) != 1:
		return fmt.Errorf("channel %d: item %d was taken twice: marks %#x", i, id, m)
	case c.sure && m >= markConfirmed:
		return fmt.Errorf("channel %d: item %d was taken again though it was confirmed: marks %#x", i, id, m)
	case c.fifo && c.last[life] >= id && c.last[life] != 0:
		return fmt.Errorf("channel %d: item %d of life %d came after its item %d", i, id, life, c.last[life])
	}
	if c.fifo {
		c.last[life] = id
	}
	if c.done == nil {
		return nil
	}
	if c.sure {
		if s.rand.IntN(4) == 0 {
			runtime.Gosched() // die here
		}
		carom.AddAt(marks, int(id), markConfirms)
	}
	if err := c.done(); err != nil {
		return fmt.Errorf("channel %d: item %d: %w", i, id, err)
	}
	if c.sure {
		carom.AddAt(marks, int(id), markConfirmed)
	}
	return nil
}
