//go:build carom_sched

package sched

import (
	"slices"
	"time"
)

// A Word is a futex word and the value at which to sleep.
type Word struct {
	Addr *uint32
	Val  uint32
}

// MatchAny is the bits of a wait that any wake-up reaches.
const MatchAny = ^uint32(0)

func now(what string) *Schedule {
	if playing == nil {
		panic("sched: " + what + " outside a schedule: with carom_sched only schedules can run")
	}
	return playing
}

// Wait sleeps while every word has its value, until a wake-up on any of them whose bits
// meet these, until the time is over (0: none), or for no reason.
func Wait(words []Word, bits uint32, limit time.Duration) {
	s := now("Wait")
	s.point()
	for _, w := range words {
		if *w.Addr != w.Val {
			return
		}
	}
	t := s.current
	if t == nil {
		Failf("asleep for ever: the scenario itself")
	}
	t.state, t.waits, t.bits, t.deadline = asleep, append(t.waits[:0], words...), bits, 0
	if limit > 0 {
		t.deadline = s.clock + limit
	}
	t.park()
}

// Wake wakes up to n of those who sleep on the word, and returns how many.
func Wake(addr *uint32, n int, bits uint32) (woken int) {
	s := now("Wake")
	s.point()
	var on []*thread
	for _, t := range s.threads {
		if t.state == asleep && t.bits&bits != 0 && slices.ContainsFunc(t.waits, func(w Word) bool { return w.Addr == addr }) {
			on = append(on, t)
		}
	}
	s.rng.Shuffle(len(on), func(i, j int) { on[i], on[j] = on[j], on[i] })
	for _, t := range on[:min(n, len(on))] {
		s.wake(t)
	}
	return min(n, len(on))
}

func (s *Schedule) wake(t *thread) {
	t.state = runnable
	s.strategy.woken = true
}

// disturb wakes a sleeper for no reason, or lets its time run out, now and then.
func (s *Schedule) disturb() bool {
	if !s.spurious && !s.slips || s.rng.IntN(32) != 0 {
		return false
	}
	t := s.threads[s.rng.IntN(len(s.threads))]
	if t.state != asleep || !s.spurious && t.deadline == 0 {
		return false
	}
	if t.deadline != 0 {
		s.clock = max(s.clock, t.deadline)
	}
	s.wake(t)
	return true
}

// fireEarliest lets time pass until the first time-out.
func (s *Schedule) fireEarliest() bool {
	var first *thread
	for _, t := range s.threads {
		if t.state == asleep && t.deadline != 0 && (first == nil || t.deadline < first.deadline) {
			first = t
		}
	}
	if first == nil {
		return false
	}
	s.clock = max(s.clock, first.deadline)
	s.wake(first)
	return true
}

// Now is the simulated time.
func Now() time.Time {
	s := now("Now")
	if s.slips && s.rng.IntN(4) == 0 {
		s.clock += 2 * time.Millisecond
	}
	return time.Unix(0, 0).Add(s.clock)
}

// Sleep lets d pass.
func Sleep(d time.Duration) {
	var never uint32
	Wait([]Word{{&never, 0}}, MatchAny, d)
}

// Maybe is yes or no, as the schedule's seed has it.
func Maybe() bool { return now("Maybe").rng.IntN(2) == 0 }
