//go:build carom_sched

package sched

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/carom-ipc/carom/internal/atom"
)

// mostSteps is how many accesses a schedule may have. Scenarios need some thousands at
// most; threads that need more wait for each other without sleeping.
const mostSteps = 200_000

// lateTimeouts is how many time-outs of daemons are played after all else is done.
const lateTimeouts = 100

// A Schedule is one play of a scenario. Its methods may be called before the play
// begins and by its threads.
type Schedule struct {
	rng      *rand.Rand
	strategy strategy
	threads  []*thread
	current  *thread // nil outside the play
	steps    int
	clock    time.Duration
	slips    bool // time may pass in leaps
	spurious bool // sleepers may wake for no reason
	ending   bool // threads are being unwound
	mortal   []*process
	failure  error
	digest   uint64
	trace    *trace // nil unless wanted
}

// A Scenario starts the threads of a schedule and returns what is to be checked when
// they have finished; nil for nothing.
type Scenario func(s *Schedule) (check func())

// playing is the schedule that is being played. There is one at a time in a process.
var playing *Schedule

// Play plays the schedule of a seed. The error says what went wrong.
func Play(seed uint64, scenario Scenario) error {
	_, err := play(seed, scenario, nil)
	return err
}

func play(seed uint64, scenario Scenario, tr *trace) (s *Schedule, err error) {
	s = &Schedule{rng: rand.New(rand.NewPCG(seed, 0x6361726f6d)), trace: tr}
	s.strategy = chooseStrategy(s.rng)
	s.slips, s.spurious = s.rng.IntN(3) == 0, s.rng.IntN(4) == 0
	playing, atom.Yield = s, s.point
	defer func() { playing, atom.Yield = nil, func() {} }()
	var check func()
	err = guard(func() { check = scenario(s) })
	if err == nil {
		s.run()
		err = s.failure
	}
	s.end()
	if err == nil && check != nil {
		err = guard(check)
	}
	return s, err
}

// run lets threads go on until none can.
func (s *Schedule) run() {
	var ready []*thread
	late := 0
	for s.failure == nil {
		ready = ready[:0]
		for _, t := range s.threads {
			if t.state == runnable {
				ready = append(ready, t)
			}
		}
		if s.disturb() {
			continue
		}
		if len(ready) == 0 {
			finished := s.finished()
			if finished {
				if late++; late > lateTimeouts {
					return
				}
			}
			if s.fireEarliest() {
				continue
			}
			if !finished {
				s.failure = fmt.Errorf("asleep for ever: %s", s.asleep())
			}
			return
		}
		s.resume(s.strategy.pick(s.rng, ready))
	}
}

func (s *Schedule) resume(t *thread) {
	s.digest = (s.digest ^ uint64(t.id+1)) * 0x100000001b3
	s.current = t
	if _, more := t.next(); !more && t.state != dead {
		t.state = done
	}
	s.current = nil
}

// finished reports that every thread but the daemons has come to its end.
func (s *Schedule) finished() bool {
	return !slices.ContainsFunc(s.threads, func(t *thread) bool { return !t.daemon && t.state == asleep })
}

// end unwinds the threads that are left.
func (s *Schedule) end() {
	s.ending = true
	for _, t := range s.threads {
		s.current = t
		t.stop()
	}
	s.current = nil
	atom.Yield = func() {}
}

// point is where the running thread may be stopped: package atom calls it before every
// access.
func (s *Schedule) point() {
	t := s.current
	if t == nil {
		return // the scenario sets up or checks
	}
	if s.ending || t.state == dead {
		panic(unwound{}) // a deferred function of a thread that is no more
	}
	s.steps++
	s.clock += 100 * time.Nanosecond
	s.digest = (s.digest ^ uint64(s.steps)) * 0x100000001b3
	if s.steps > mostSteps {
		Failf("still running after %d accesses", mostSteps)
	}
	if s.strikes(t) {
		t.park()
	}
	if s.strategy.interrupts(s.rng, s.steps, t) {
		t.park()
	}
	if s.trace != nil { // now it is made
		s.trace.add(t)
	}
}

// Choose returns a number from 0 to n-1, as the schedule's seed has it.
func (s *Schedule) Choose(n int) int { return s.rng.IntN(n) }

// failed is what Failf panics with.
type failed struct{ err error }

// Failf ends the schedule as a failure.
func Failf(format string, args ...any) { panic(failed{fmt.Errorf(format, args...)}) }

// Must ends the schedule as a failure unless err is nil.
func Must(err error) {
	if err != nil {
		Failf("unexpected: %w", err)
	}
}
