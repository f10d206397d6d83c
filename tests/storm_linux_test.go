package tests

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

var (
	stormTime = flag.Duration("storm", 2*time.Second, "how long the storm lasts")
	stormSeed = flag.Uint64("storm.seed", 0, "seed of the storm; 0: a random one")
	// Processes may take long to start, as in an emulator.
	stormPeriod = flag.Duration("storm.period", 50*time.Millisecond, "a process is killed once in this time")
	stormStall  = flag.Duration("storm.stall", time.Second, "how long a process may stand still")
)

const stormPlaces = 8

// storm is the parent's side.
type storm struct {
	*testing.T
	m      *carom.Manager
	o      stormObjects
	rand   *rand.Rand
	seed   uint64
	places [stormPlaces]place
	lives  int
	worst  int // longest stall, in periods
	// stall is for how many periods a worker may stand still. They are counted, so time in
	// which this process itself did not run does not count.
	stall int
}

// place is where one worker after the other lives.
type place struct {
	p     *carom.Process
	life  int
	seen  int64
	still int
}

// TestStorm has eight processes do random things to objects of every kind while one of
// them is killed every 50 ms, and another takes its place. Everything must add up
// afterwards, and nobody may stand still for a second, unless flags say otherwise.
func TestStorm(t *testing.T) {
	m := manager(t)
	base := m.Stats()
	s := &storm{T: t, m: m, seed: *stormSeed, stall: max(1, int(*stormStall / *stormPeriod))}
	if s.seed == 0 {
		s.seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-storm.seed=%d", s.seed)
	s.rand = rand.New(rand.NewPCG(s.seed, 0))
	s.make()
	for i := range s.places {
		s.start(i)
	}
	for end := time.Now().Add(*stormTime); time.Now().Before(end) && !t.Failed(); {
		time.Sleep(*stormPeriod)
		s.watch()
		s.kill(s.rand.IntN(stormPlaces))
	}
	s.calm()
	var done int64
	for i := range stormPlaces {
		done += s.o.Progress.Load(i)
	}
	t.Logf("%d operations", done)
	require.Positive(t, done, "nobody did anything")
	s.addUp()
	alone(t, m, 2)
	checked(t, m)
	s.remove()
	checked(t, m)
	settled(t, m, base.Used)
	require.Equal(t, base.Objects, m.Stats().Objects)
	t.Logf("%d lives, %d recoveries, longest stall %v", s.lives, m.Stats().Recoveries, time.Duration(s.worst)**stormPeriod)
}

func (s *storm) make() {
	m := s.m
	most := int(*stormTime / *stormPeriod) + 2*stormPlaces
	items := 1<<18 + int(*stormTime/time.Second)<<14
	o := &s.o
	o.Progress = carom.Must(carom.NewArray[int64](m, "progress", stormPlaces))
	o.Counters = carom.Must(carom.NewArray[int64](m, "counters", most*counts*2))
	o.Condemned = carom.Must(carom.NewArray[int32](m, "condemned", most))
	o.Cells = carom.Must(carom.NewArray[int64](m, "cells", cells))
	for i := range channels {
		o.Marks = append(o.Marks, carom.Must(carom.NewArray[uint32](m, fmt.Sprint("marks", i), items)))
	}
	o.Stop = carom.Must(carom.NewEvent(m, "stop"))
	o.Lock = carom.Must(carom.NewLock(m, "lock"))
	o.RLock = carom.Must(carom.NewRLock(m, "rlock"))
	o.Auto = carom.Must(carom.NewLock(m, "auto", carom.AutoRecover()))
	o.Plain = carom.Must(carom.NewSemaphore(m, "plain", 3))
	o.Permits = carom.Must(carom.NewSemaphore(m, "permits", 4, carom.Permits()))
	o.Mutex = carom.Must(carom.NewBoundedSemaphore(m, "mutex", 1))
	o.Pool = carom.Must(carom.NewBoundedSemaphore(m, "pool", stormPlaces+1))
	o.Cond = carom.Must(carom.NewCondition(m, "cond", nil))
	o.Event = carom.Must(carom.NewEvent(m, "event"))
	o.Barrier = carom.Must(carom.NewBarrier(m, "barrier", 3))
	o.Queue = carom.Must(carom.NewQueue[parcel](m, "queue"))
	o.Capped = carom.Must(carom.NewQueue[parcel](m, "capped", carom.Cap(16)))
	o.Sure = carom.Must(carom.NewQueue[parcel](m, "sure", carom.Cap(32), carom.AtLeastOnce()))
	o.Loads = carom.Must(carom.NewQueue[[]byte](m, "loads"))
	o.Views = carom.Must(carom.NewByteQueue(m, "views", carom.Cap(16)))
	o.Sum = carom.Must(carom.NewValue[int64](m, "sum"))
	o.Cas = carom.Must(carom.NewValue[uint32](m, "cas"))
	o.Big = carom.Must(carom.NewValue[big](m, "big"))
	o.Stored = carom.Must(carom.NewValue[big](m, "stored"))
	o.Pair = carom.Must(carom.NewArray[int64](m, "pair", 2))
	o.Spread = carom.Must(carom.NewArray[int64](m, "spread", 16))
}

// start begins a life; the first has number 1.
func (s *storm) start(i int) {
	s.lives++
	p, err := stormWorker.Start(context.Background(), s.m, stormArgs{Place: i, Life: s.lives, Seed: s.seed, stormObjects: s.o})
	require.NoError(s, err)
	s.places[i] = place{p: p, life: s.lives, seen: s.o.Progress.Load(i)}
}

// watch looks whether everybody gets on.
func (s *storm) watch() {
	for i := range s.places {
		p := &s.places[i]
		if now := s.o.Progress.Load(i); now != p.seen {
			p.seen, p.still = now, 0
			continue
		}
		if p.still++; p.still > s.worst {
			s.worst = p.still
		}
		if p.still > s.stall {
			s.Errorf("life %d of place %d, process %d, has stood still for %v", p.life, i, p.p.PID(), time.Duration(p.still)**stormPeriod)
			_ = p.p.Signal(syscall.SIGQUIT)
			s.Log(p.p.Wait())
			s.FailNow()
		}
	}
}

func (s *storm) kill(i int) {
	p := s.places[i]
	s.o.Condemned.Store(p.life, 1)
	_ = p.p.Kill()
	s.ended(p.p.Wait())
	s.start(i)
}

// ended expects a worker to have been killed, or to have come to its end.
func (s *storm) ended(err error) {
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL) {
		s.Error(err)
	}
}

// calm lets everybody finish.
func (s *storm) calm() {
	require.NoError(s, s.o.Stop.Set())
	for i := range s.places {
		got := result(s.places[i].p.Wait)
		select {
		case err := <-got:
			s.ended(err)
		case <-time.After(patience):
			s.Errorf("place %d does not end", i)
			_ = s.places[i].p.Signal(syscall.SIGQUIT)
			s.ended(<-got)
		}
	}
	alone(s, s.m, 2)
}

// addUp compares everything with what the workers counted.
func (s *storm) addUp() {
	c := tally{s.o.Counters}
	ctx := within(s)
	expect := func(what int, got int64) {
		if err := c.between(what, got); err != nil {
			s.Error(err)
		}
	}
	pairOf := func(cell int) int64 { return s.o.Cells.Load(cell + 1) }
	expect(countLock, pairOf(cellLock))
	expect(countRLock, pairOf(cellRLock))
	expect(countAuto, pairOf(cellAuto))
	expect(countUpdate, s.o.Big.Load()[0])
	expect(countAdd, s.o.Sum.Load())
	expect(countSwap, int64(s.o.Cas.Load()))
	expect(countDo, s.o.Pair.Load(0))
	var spread int64
	for _, n := range s.o.Spread.All() {
		spread += n
	}
	expect(countAddAt, spread)

	upBegun, upDone := c.sum(countUp)
	downBegun, downDone := c.sum(countDown)
	if v := int64(s.o.Plain.Value()); v < 3+upDone-downBegun || v > 3+upBegun-downDone {
		s.Errorf("semaphore: %d units, of 3, %d to %d more and %d to %d less", v, upDone, upBegun, downDone, downBegun)
	}
	putBegun, putDone := c.sum(countTokens)
	takenBegun, takenDone := c.sum(countTaken)
	if v := s.o.Cells.Load(cellTokens); v < putDone-takenBegun || v > putBegun-takenDone {
		s.Errorf("condition: %d tokens, of %d to %d put and %d to %d taken", v, putDone, putBegun, takenDone, takenBegun)
	}
	require.Equal(s, 4, s.o.Permits.Value(), "permits")
	require.Equal(s, 1, s.o.Mutex.Value(), "permits")
	require.Equal(s, stormPlaces+1, s.o.Pool.Value(), "permits")
	_, first := c.sum(countIndex0)
	_, second := c.sum(countIndex1)
	_, third := c.sum(countIndex2)
	if max(first, second, third)-min(first, second, third) > int64(s.lives) {
		s.Errorf("barrier: arrived as first %d times, as second %d, as third %d", first, second, third)
	}
	s.drain(ctx, c)
}

// drain takes what is left in the queues and has all items accounted for.
func (s *storm) drain(ctx context.Context, c tally) {
	life := s.o.Condemned.Len() - 1 // nobody else's
	last := &storming{stormArgs: &stormArgs{Life: life, stormObjects: s.o}, tally: c, ctx: ctx, rand: s.rand}
	last.channels = last.openChannels()
	for i, name := range []string{"queue", "capped queue", "at-least-once queue", "queue of loads", "byte queue"} {
		left := last.channels[i].len()
		for last.channels[i].len() > 0 {
			require.NoError(s, last.take(ctx, i), name)
		}
		begun, done := c.sum(countGet + i)
		if err := audit(name, s.o.Marks[i].Slice(), i == 2, begun-done); err != nil {
			s.Error(err)
		}
		s.Logf("%s: %d items, %d left, %d in the hands of the dead at most", name, s.o.Cells.Load(cellIDs+i), left, begun-done)
	}
	require.NoError(s, s.o.Sure.Join(ctx), "join of a queue whose items are all confirmed")
}

// remove gives everything back.
func (s *storm) remove() {
	var names []string
	for i, err := range s.m.Objects(context.Background()) {
		require.NoError(s, err)
		names = append(names, i.Name)
	}
	for _, name := range names {
		require.NoError(s, s.m.Remove(context.Background(), name))
	}
	o := &s.o
	for _, h := range []interface{ Close() error }{o.Counters, o.Condemned, o.Cells, o.Stop, o.Lock, o.RLock, o.Auto, o.Plain,
		o.Permits, o.Mutex, o.Pool, o.Cond, o.Event, o.Barrier, o.Queue, o.Capped, o.Sure, o.Loads, o.Views, o.Sum, o.Cas,
		o.Big, o.Stored, o.Pair, o.Spread, o.Marks[0], o.Marks[1], o.Marks[2], o.Marks[3], o.Marks[4], o.Progress} {
		require.NoError(s, h.Close())
	}
}
