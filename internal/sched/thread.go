//go:build carom_sched

package sched

import (
	"fmt"
	"iter"
	"runtime/debug"
	"strings"
	"time"
)

type state uint8

const (
	runnable state = iota
	asleep         // in a futex
	done
	dead // its process died
)

// thread is a coroutine: resuming one and coming back costs a fifth of a microsecond,
// and nothing runs beside it.
type thread struct {
	id       int
	proc     int
	name     string
	daemon   bool
	state    state
	priority int
	streak   int // accesses since it was resumed
	next     func() (struct{}, bool)
	stop     func()
	yield    func(struct{}) bool
	waits    []Word // asleep: the words
	bits     uint32
	deadline time.Duration // asleep: 0 none
}

// unwound is what stops the threads that are left at the end.
type unwound struct{}

// Go starts a thread of a process. Processes are numbers of the scenario's choice.
func (s *Schedule) Go(proc int, name string, f func()) { s.start(proc, name, false, f) }

// Daemon starts a thread that need not come to an end.
func (s *Schedule) Daemon(proc int, name string, f func()) { s.start(proc, name, true, f) }

func (s *Schedule) start(proc int, name string, daemon bool, f func()) {
	t := &thread{id: len(s.threads), proc: proc, name: name, daemon: daemon, priority: s.strategy.priority(s.rng)}
	t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		if err := guard(f); err != nil && s.failure == nil {
			s.failure = fmt.Errorf("%s: %w", t, err)
		}
	})
	s.threads = append(s.threads, t)
}

func (t *thread) String() string { return fmt.Sprintf("process %d %s", t.proc, t.name) }

// park gives way to the others until the schedule goes on with t.
func (t *thread) park() {
	t.streak = 0
	if !t.yield(struct{}{}) {
		panic(unwound{})
	}
}

// guard runs f and turns its panic into an error.
func guard(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil, unwound:
		case failed:
			err = r.err
		default:
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	f()
	return nil
}

// asleep names those who will not wake.
func (s *Schedule) asleep() string {
	var names []string
	for _, t := range s.threads {
		if t.state == asleep && !t.daemon {
			names = append(names, t.String())
		}
	}
	return strings.Join(names, ", ")
}
