//go:build carom_sched

package sched

// process is one that may die.
type process struct {
	proc    int
	at      int  // dies before the access of this number; 0 never
	own     bool // of its own accesses, not of all
	count   int  // of its own accesses
	dead    bool
	instant func()
	kernel  func()
}

// Mortal lets a process die somewhere in most schedules: before one of its accesses, or
// at any moment, also in its sleep. At that instant the first function looks (it may be
// nil); the second, a thread by itself, does what the kernel does then.
func (s *Schedule) Mortal(proc int, instant, kernel func()) {
	p := &process{proc: proc, own: s.rng.IntN(4) != 0, instant: instant, kernel: kernel}
	if s.rng.IntN(8) != 0 {
		p.at = 1 + s.rng.IntN(4<<s.rng.IntN(8))
	}
	s.mortal = append(s.mortal, p)
}

// Died reports that a process was killed.
func (s *Schedule) Died(proc int) bool {
	for _, p := range s.mortal {
		if p.proc == proc {
			return p.dead
		}
	}
	return false
}

// strikes kills whoever's time has come, and reports that t is among the dead.
func (s *Schedule) strikes(t *thread) bool {
	for _, p := range s.mortal {
		n := s.steps
		if p.own {
			if p.proc != t.proc {
				continue
			}
			p.count++
			n = p.count
		}
		if n == p.at && !p.dead {
			s.kill(p)
		}
	}
	return t.state == dead
}

func (s *Schedule) kill(p *process) {
	p.dead = true
	if p.instant != nil {
		t := s.current
		s.current = nil
		p.instant()
		s.current = t
	}
	for _, t := range s.threads {
		if t.proc == p.proc && t.state != done {
			t.state = dead
		}
	}
	s.Go(0, "the kernel", p.kernel)
}
