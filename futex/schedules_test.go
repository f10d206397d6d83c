//go:build carom_sched

package futex

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/sched"
)

// TestSchedules plays the objects of this package under the seeded scheduler. One seed
// of one scenario is played again with -run and -seed.
func TestSchedules(t *testing.T) {
	begin := time.Now()
	for _, c := range []struct {
		name  string
		n     int
		scene sched.Scenario
	}{
		{"Mutex", 20000, mutexExcludes},
		{"MutexCancel", 30000, mutexCancel},
		{"MutexTry", 20000, mutexTry},
		{"MutexHandoff", 20000, mutexHandoff},
		{"MutexDeath", 50000, mutexDeath},
		{"Event", 15000, eventSetAndClear},
		{"EventDeath", 15000, eventDeath},
		{"Notifier", 20000, notifierPasses},
		{"NotifierDeath", 20000, notifierDeath},
		{"Await", 8000, awaitSignal},
		{"Bucket", 10000, bucketTells},
	} {
		if !t.Run(c.name, func(t *testing.T) { sched.Explore(t, c.n, c.scene) }) {
			return
		}
	}
	t.Logf("%d schedules in %v", sched.Count, time.Since(begin))
	if sched.Usual() && sched.Count < 200_000 {
		t.Errorf("only %d schedules were played", sched.Count)
	}
}

// stage is a world whose processes are simulated: 1 to 3, with a domain for what they
// do and another for their watchers.
type stage struct {
	*world
	*sched.Schedule
	d, sentry [4]*Domain
}

// records is how many waits and wakes a simulated process has.
const records = 4

func newStage(s *sched.Schedule, waitvToo bool) *stage {
	p := &stage{world: new(world), Schedule: s}
	waitvMissing.Store(waitvToo && s.Choose(4) == 0)
	for i := uint32(1); i < 4; i++ {
		p.alive[i] = 1
		p.d[i], p.sentry[i] = p.domain(i, i), p.domain(i, i+4)
	}
	return p
}

func (p *stage) domain(slot, record uint32) *Domain {
	return NewDomain(Config{Self: MakeID(slot, 1), Peers: p, Base: (*byte)(unsafe.Pointer(p.world)),
		Waits: p.recs[record][:records], Wakes: p.recs[record][records : 2*records], Parking: p.park[:]})
}

// mortal lets a process die; the others watch it, and whoever notices sweeps.
func (p *stage) mortal(slot uint32, instant func(), sweep func(d *Domain)) {
	p.Mortal(int(slot), instant, func() { p.world.kill(slot) })
	for i := uint32(1); i < 4; i++ {
		if i == slot {
			continue
		}
		d := p.sentry[i]
		p.Daemon(int(i), "watcher", func() {
			for atomic.LoadUint32(&p.alive[slot]) != 0 {
				d.Watch(context.Background(), &p.alive[slot], 1, nil, 0, 0)
			}
			d.WakeAll(&p.alive[slot])
			for _, r := range []uint32{slot, slot + 4} {
				d.Recover(p.recs[r][:records], p.recs[r][records:2*records], uint64(unsafe.Sizeof(world{})))
			}
			sweep(d)
		})
	}
}

// cancels returns a context that process slot's second thread ends at some time.
func (p *stage) cancels(slot int) context.Context {
	ctx := p.NewContext()
	p.Go(slot, "canceller", func() { ctx.End(context.Canceled) })
	return ctx
}

// word is one that is no part of an object under test.
func (p *stage) word(i int) *uint32 { return &p.words[32+i] }

// inside is a critical section of process slot: nobody else must be in it.
func (p *stage) inside(slot uint32) {
	w := p.word(0)
	if in := atom.Swap32(w, slot); in != 0 {
		sched.Failf("process %d entered beside %d", slot, in)
	}
	if in := atom.Load32(w); in != slot {
		sched.Failf("process %d found %d inside", slot, in)
	}
	atom.Store32(w, 0)
}

func expect(what string, got, want any) {
	if fmt.Sprint(got) != fmt.Sprint(want) {
		sched.Failf("%s is %v, want %v", what, got, want)
	}
}

// is ends the schedule unless err is one of those named; nil is always.
func is(err error, allowed ...error) {
	for _, a := range allowed {
		if errors.Is(err, a) {
			return
		}
	}
	sched.Must(err)
}
