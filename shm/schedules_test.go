//go:build carom_sched

package shm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/carom-ipc/carom/futex"
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
		{"Queue", 12000, queueOrder},
		{"QueueBatch", 8000, queueBatch},
		{"QueueCancel", 8000, queueCancel},
		{"QueueManyCancel", 8000, queueManyCancel},
		{"QueueDeath", 25000, queueDeath},
		{"QueueConfirm", 8000, queueConfirms},
		{"QueueConfirmDeath", 25000, queueConfirmDeath},
		{"QueueLate", 4000, queueLate},
		{"QueueLateDeath", 12000, queueLateDeath},
		{"Semaphore", 10000, semaphoreUnits},
		{"SemaphoreDeath", 15000, semaphoreDeath},
		{"SemaphoreTakeover", 30000, semaphoreTakeover},
		{"PermitsOfOthers", 8000, permitsOfOthers},
		{"PermitsDeath", 15000, permitsDeath},
		{"Condition", 10000, conditionNotifies},
		{"ConditionDeath", 10000, conditionDeath},
		{"Barrier", 8000, barrierRounds},
		{"BarrierDeath", 10000, barrierDeath},
		{"BarrierAbortDeath", 5000, barrierAbortDeath},
		{"BarrierCancel", 6000, barrierCancel},
		{"BarrierRecovers", 6000, barrierRecovers},
		{"BarrierRecoverDeath", 6000, barrierRecoverDeath},
		{"Guests", 8000, guestsContend},
		{"GuestDeath", 15000, guestsDie},
		{"GuestLeaves", 12000, guestLeaves},
		{"GuestSlots", 8000, guestSlots},
		{"SemaphoreClose", 10000, semaphoreClose},
		{"QueueClose", 10000, queueClose},
		{"QueueConfirmClose", 10000, queueConfirmClose},
		{"ConditionClose", 10000, conditionClose},
	} {
		if !t.Run(c.name, func(t *testing.T) { sched.Explore(t, c.n, c.scene) }) {
			return
		}
	}
	t.Logf("%d schedules in %v", sched.Count, time.Since(begin))
	if sched.Usual() && sched.Count < 220_000 {
		t.Errorf("only %d schedules were played", sched.Count)
	}
}

// players is how many processes a stage has, and places how many slots are used with their
// guests'.
const (
	players = 4
	places  = players + 4
)

// stage is an arena with simulated processes, 1 to players. All see it through the same
// mapping, none has a thread of its own: a watcher is a thread of the schedule.
type stage struct {
	*sched.Schedule
	a       [players + 1]*Arena
	instant func() // looks at the moment of a death; may be nil
	after   func() // what somebody does who knows of it; may be nil
}

// scenery is the memory of all schedules, one after the other, and each process's own
// description of it.
var scenery struct {
	*Arena
	files [players + 1]*os.File
}

func build() {
	file, err := newMemory(minSize)
	sched.Must(err)
	mapping, err := mapMemory(file, minSize)
	sched.Must(err)
	scenery.Arena = &Arena{base: basePointer(mapping), mapping: mapping, size: minSize}
	for i := 1; i <= players; i++ {
		scenery.files[i], _, err = reopen(file)
		sched.Must(err)
	}
}

func newStage(s *sched.Schedule) *stage {
	if scenery.Arena == nil {
		build()
	}
	wipe(scenery.Arena)
	h := scenery.head()
	h.magic, h.version, h.fingerprint, h.ready = magic, layoutVersion, fingerprint(), 1
	h.budget, h.size, h.procTop = 64*mib, minSize, players
	p := &stage{Schedule: s}
	for i := uint32(1); i <= players; i++ {
		a := &Arena{base: scenery.base, mapping: scenery.mapping, size: minSize, self: futex.MakeID(i, 1),
			file: scenery.files[i], objects: make(map[uint32]*Object), types: make(map[string]uint32)}
		a.openDomains()
		*a.slot(i) = slot{ident: ident(slotLive, 1), live: i | futexWaiters, watched: i | futexWaiters, mode: liveRobust}
		p.a[i] = a
	}
	return p
}

// wipe makes memory what it was at first, where a schedule may have written.
func wipe(a *Arena) {
	chunks := uint64(a.head().chunkTop)
	clear(a.bytes(0, page))
	clear(a.bytes(slotsAt, slotSize*(places+1)))
	clear(a.bytes(recordsAt, recordLen*(places+1)))
	clear(a.bytes(bucketsAt, 4*firstBuckets))
	clear(a.bytes(entryBitsAt, 64))
	clear(a.bytes(entriesAt, entrySize*64))
	clear(a.bytes(chunksAt, chunkDesc*(chunks+2)))
	clear(a.bytes(heapAt, chunkSize*chunks))
	for i := uint64(1); i <= places; i++ {
		clear(a.bytes(attachAt+attachSize*i, 64))
	}
}

// open attaches an object in every process.
func (p *stage) open(spec Spec) (o [players + 1]*Handle) {
	for i := 1; i <= players; i++ {
		var err error
		o[i], _, err = p.a[i].Open(context.Background(), spec)
		sched.Must(err)
	}
	return o
}

// mortal lets some processes die; all are watched.
func (p *stage) mortal(who ...int) {
	for _, i := range who {
		_, err := lockByte(p.a[i].file, uint32(i))
		sched.Must(err)
		p.Mortal(i, p.instant, func() {
			p.eachGuest(i, func(k uint32) {
				if s := p.a[i].slot(k); s.live&^(futexWaiters|futexOwnerDied) != 0 { // names a thread
					p.markDead(s)
				}
			})
			p.markDead(p.a[i].slot(uint32(i)))
			if p.after != nil {
				p.after()
			}
			_ = atom.Load32(&p.a[i].slot(uint32(i)).live)  // a point of the schedule: until then a
			sched.Must(unlockByte(p.a[i].file, uint32(i))) // thread of the dead may linger
			p.eachGuest(i, func(k uint32) { sched.Must(unlockByte(p.a[i].file, k)) })
		})
	}
	for i := 1; i <= players; i++ {
		p.Daemon(i, "watcher", func() { watch(p.a[i]) })
	}
}

// eachGuest calls f with the slots of process i's guests.
func (p *stage) eachGuest(i int, f func(k uint32)) {
	for k := uint32(players + 1); k <= places; k++ {
		if p.a[i].slot(k).host == uint32(p.a[i].self) {
			f(k)
		}
	}
}

// markDead is what the kernel does with the robust list of a thread that ends.
func (p *stage) markDead(s *slot) {
	for _, w := range []*uint32{&s.live, &s.watched} {
		atom.Store32(w, atom.Load32(w)&futexWaiters|futexOwnerDied)
		sched.Wake(w, 1, sched.MatchAny)
	}
}

// watch is watcher.run without what ends it, and without looking again now and then.
func watch(a *Arena) {
	me, ctx := a.slot(a.self.Slot()), context.Background()
	for {
		kick := atom.Load32(&me.kick)
		next := a.successor()
		if next == 0 {
			a.sentry.Watch(ctx, &me.kick, kick, nil, 0, 0)
			continue
		}
		s := a.slot(next)
		watched := atom.Load32(&s.watched)
		if (watched|atom.Load32(&s.live))&futexOwnerDied != 0 {
			if a.sweepAll(a.sentry) {
				a.sentry.Watch(ctx, &me.kick, kick, nil, 0, lingerPoll)
			}
			continue
		}
		a.sentry.Watch(ctx, &me.kick, kick, &s.watched, watched, 0)
	}
}

// cancels returns a context that a thread of process i ends at some time.
func (p *stage) cancels(i int, err error) *sched.Context {
	ctx := p.NewContext()
	p.Go(i, "canceller", func() { ctx.End(err) })
	return ctx
}

// sound ends the schedule unless the dead were swept and the arena is as it should be.
// living is a process that is not mortal.
func (p *stage) sound(living int) {
	for i := uint32(1); i <= players; i++ {
		if st := identState(p.a[i].slot(i).ident); (st == slotFree) != p.Died(int(i)) {
			sched.Failf("process %d died: %t, but its slot has state %d", i, p.Died(int(i)), st)
		}
	}
	found, err := p.a[living].Check(context.Background(), true)
	sched.Must(err)
	if len(found) > 0 {
		sched.Failf("the arena: %q", found)
	}
}

func expect(what string, got, want any) {
	if fmt.Sprint(got) != fmt.Sprint(want) {
		sched.Failf("%s is %v, want %v", what, got, want)
	}
}

// is ends the schedule unless err is nil or one of those named, and reports that it is nil.
func is(err error, allowed ...error) bool {
	for _, a := range allowed {
		if errors.Is(err, a) {
			return false
		}
	}
	sched.Must(err)
	return true
}

var background = context.Background()
