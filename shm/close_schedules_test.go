//go:build carom_sched

package shm

import (
	"errors"
	"io"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/sched"
)

// calls makes counted calls through a handle until it is closed; call says whether to go on.
// What Close ends says so by ErrClosed.
func calls(h *Handle, call func() (bool, error)) {
	for h.Enter() {
		more, err := call()
		h.Leave()
		if !is(err, errs.ErrClosed, io.EOF) || !more {
			return
		}
	}
}

// closes has a thread of process i close a handle at some time, and checks what its Close is
// to do once: when the last call has left, and before the handle's part is given back.
func (p *stage) closes(i int, h *Handle) (check func()) {
	lost, last := 0, 0
	h.Bind(func() { lost++ }, func() {
		last++
		if h.token != 0 || h.calls != closing || h.prev == nil && h.Object.handles != h {
			sched.Failf("the last call has not left, or the handle's part is gone: token %d, calls %#x", h.token, h.calls)
		}
	})
	p.Go(i, "closer", func() { sched.Must(h.Close(background)) })
	return func() {
		expect("lost and last", [2]int{lost, last}, [2]int{1, 1})
		expect("ended", h.ended, true)
		if d := h.domain.Load(); d != nil {
			expect("the handle's domain is closed", d.Closed(), true)
		}
	}
}

// more opens one more handle of process i on an object.
func (p *stage) more(i int, s Spec) *Handle {
	h, _, err := p.a[i].Open(background, s)
	sched.Must(err)
	return h
}

// A handle is closed beside waits for units: they end, no unit is lost, and those of another
// handle of the same process, and of others, go on.
func semaphoreClose(s *sched.Schedule) func() {
	flags := []uint16{0, SemaphorePermits, SemaphoreBounded}[s.Choose(3)]
	p := newPool(s, flags)
	h := p.more(1, SemaphoreSpec(Semaphore, "s", uint32(p.units), flags))
	check := p.closes(1, h)
	u := UnitsOf(h)
	for range 1 + s.Choose(2) {
		s.Go(1, "user", func() {
			calls(h, func() (bool, error) {
				if err := u.Acquire(background, true); err != nil {
					return false, err
				}
				p.inside++
				if p.inside > p.units {
					sched.Failf("%d are inside, of %d units", p.inside, p.units)
				}
				_ = u.Value() // a point of the schedule
				p.inside--
				return true, u.Release(1)
			})
		})
	}
	for i := 1; i <= 2+s.Choose(2); i++ {
		s.Go(i, "user", func() { p.use(background, i, 2) })
	}
	return func() {
		check()
		expect("units", p.u[4].Value(), p.units)
		p.sound(4)
	}
}

// A handle of a producer or of a consumer is closed: what it did not put or take is the
// others'.
func queueClose(s *sched.Schedule) func() {
	m := newMarket(s, false)
	who := 1 + 2*s.Choose(2)
	h := m.q[who].u
	spare := ItemsOf(m.more(who, QueueSpec(ByteQueue, "q", "", m.q[who].Cap(), false)))
	check := m.closes(who, h)
	open := 2
	for i := 1; i <= 2; i++ {
		s.Go(i, "producer", func() {
			if i != who {
				sched.Must(m.produce(background, i))
			} else {
				calls(h, func() (bool, error) {
					if m.put[i] == m.each {
						return false, nil
					}
					err := m.give(background, i)
					if err == nil {
						m.put[i]++
					}
					return true, err
				})
			}
			if open--; open == 0 {
				q := m.q[i]
				if i == who {
					q = spare
				}
				sched.Must(q.CloseWrite(background))
			}
		})
	}
	for i := 3; i <= 4; i++ {
		s.Go(i, "consumer", func() {
			if i != who {
				is(m.consume(background, i), io.EOF)
				return
			}
			calls(h, func() (bool, error) {
				x, _, err := m.get(background, i, true)
				if err == nil {
					m.taken[i] = append(m.taken[i], x)
				}
				return true, err
			})
		})
	}
	return func() {
		check()
		spare.flush()
		m.check()
	}
}

// With confirmation, what was taken through a closed handle goes back before it is gone.
func queueConfirmClose(s *sched.Schedule) func() {
	m := newMarket(s, true)
	h := m.q[3].u
	spare := ItemsOf(m.more(3, QueueSpec(ByteQueue, "q", "", m.q[3].Cap(), true)))
	var claims []Claim
	lastRan := false
	h.Bind(nil, func() {
		for _, c := range claims {
			sched.Must(m.q[3].Return(background, c))
		}
		lastRan = true
	})
	s.Go(3, "closer", func() { sched.Must(h.Close(background)) })
	m.producers(s, func(i int) { sched.Must(m.produce(background, i)) })
	s.Go(3, "consumer", func() {
		calls(h, func() (bool, error) {
			_, c, err := m.get(background, 3, true)
			if err == nil {
				claims = append(claims, c)
			}
			return true, err
		})
	})
	s.Go(4, "consumer", func() {
		for {
			x, c, err := m.get(background, 4, true)
			if !is(err, io.EOF) {
				return
			}
			m.taken[4] = append(m.taken[4], x)
			sched.Must(m.q[4].Done(background, c))
		}
	})
	return func() {
		expect("last ran", lastRan, true)
		// What came back after the other was at its end is there still.
		got := len(m.taken[4])
		for {
			_, c, err := spareGet(spare)
			if errors.Is(err, io.EOF) || errors.Is(err, errs.ErrEmpty) {
				break
			}
			sched.Must(err)
			sched.Must(spare.Done(background, c))
			got++
		}
		expect("items", got, m.put[1]+m.put[2])
		spare.flush()
		m.sound(4)
	}
}

func spareGet(q *Items) (n int, c Claim, err error) {
	read := func(b []byte) { n = len(b) }
	c, err = q.Get(background, false, read, read)
	return n, c, err
}

// A condition's handle is closed beside waits: a notification that came for one of them is
// another's, if its waiter does not hear of it.
func conditionClose(s *sched.Schedule) func() {
	p := newDepot(s, 4)
	h := p.more(3, ConditionSpec("c", nil))
	check := p.closes(3, h)
	list := WaitersOf(h)
	s.Go(1, "producer", func() { p.make(1, 2) })
	s.Go(2, "producer", func() { p.make(2, 2) })
	s.Go(3, "consumer", func() {
		if !h.Enter() {
			return
		}
		defer h.Leave()
		p.enter(3)
		if p.have > 0 || p.left == 0 {
			p.leave(3)
			return
		}
		w, err := list.Add(background)
		p.leave(3)
		if !is(err, errs.ErrClosed) || !is(w.Wait(background), errs.ErrClosed) {
			return
		}
		if s.Choose(2) == 0 { // it cannot act on it
			w.PassOn()
			return
		}
		p.enter(3)
		w.Leave()
		if p.have > 0 {
			p.have--
			p.left--
		}
		sched.Must(p.list[3].Notify(background, 1<<30))
		p.leave(3)
	})
	s.Go(4, "consumer", func() { p.take(background, 4) })
	return func() {
		check()
		expect("left", p.left, 0)
		p.sound(4)
	}
}
