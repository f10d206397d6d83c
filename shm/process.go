package shm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// Roles of a process, for those who list them.
const (
	RoleProgram = iota
	RoleCoordinator
	RoleWorker
	RoleRemote
)

// sentryRecords of a process's wait and wake records are the sentry's: noticing and
// sweeping must not queue behind what the program waits for.
const sentryRecords = 8

const (
	futexWaiters   = 0x80000000 // from the kernel's include/uapi/linux/futex.h
	futexOwnerDied = 0x40000000
)

func ident(state, gen uint32) uint32 { return state | gen&futex.GenMask<<3 }
func identState(ident uint32) uint32 { return ident & slotStates }
func identGen(ident uint32) uint32   { return ident >> 3 & futex.GenMask }

// Liveness implements futex.Peers.
func (a *Arena) Liveness(id futex.ID) (word *uint32, val uint32, alive bool) {
	s := a.slot(id.Slot())
	if val = atom.Load32(&s.live); val == futex.Polled {
		a.probe(id.Slot())
		val = atom.Load32(&s.live)
	}
	// The ident is read last: if it still names id, val was read in id's time.
	if atom.Load32(&s.ident) != ident(slotLive, id.Gen()) || val&futexOwnerDied != 0 {
		stopBarrier() // what the dead held is not given to anybody while it may still run
		return nil, 0, false
	}
	return &s.live, val, true
}

// Alive reports whether the process lives and is attached.
func (a *Arena) Alive(id futex.ID) bool {
	_, _, alive := a.Liveness(id)
	return alive
}

// listed reports whether the process has its slot still: it lives, or is dead and not yet
// swept. What it holds then is in order.
func (a *Arena) listed(id futex.ID) bool {
	return atom.Load32(&a.slot(id.Slot()).ident) == ident(slotLive, id.Gen())
}

// join makes this process one of the arena's.
func (a *Arena) join() error {
	s, err := a.takeSlot(0)
	if err != nil {
		return err
	}
	a.describeSelf(RoleProgram, startTime())
	a.openDomains()
	atom.Store32(&s.mode, liveRobust)
	if err := a.life.begin(s, a.self.Slot()); err != nil {
		atom.Store32(&s.mode, liveFile)
		atom.Store32(&s.live, futex.Polled)
	}
	// The predecessor watches from here on, so there is no instant at which this
	// process counts as live and its death would go unnoticed.
	a.kickPredecessor()
	atom.Store32(&s.ident, ident(slotLive, a.self.Gen()))
	a.watch.start(a)
	registerBarrier()
	return nil
}

// takeSlot finds a slot and begins to join: first the lock on the slot's byte of the
// memfd, which nobody else can have while this process lives, then the words.
func (a *Arena) takeSlot(host futex.ID) (*slot, error) {
	h := a.head()
	for i := uint32(1); i <= futex.MaxSlot; i++ {
		s := a.slot(i)
		old := atom.Load32(&s.ident)
		if st := identState(old); st != slotFree && st != slotJoining {
			continue
		}
		if got, err := lockByte(a.file, i); err != nil {
			return nil, err
		} else if !got {
			continue
		}
		if atom.Load32(&s.ident) != old {
			_ = unlockByte(a.file, i)
			continue
		}
		gen := identGen(old) + 1
		atom.Store32(&s.watched, 0)
		atom.Store32(&s.live, 0) // one who died joining may have left a word that looks alive
		atom.Store32(&s.host, uint32(host))
		atom.Store32(&s.ident, ident(slotJoining, gen))
		a.self = futex.MakeID(i, gen)
		for top := atom.Load32(&h.procTop); top < i && !atom.CAS32(&h.procTop, top, i); top = atom.Load32(&h.procTop) {
		}
		return s, nil
	}
	return nil, fmt.Errorf("%d processes are attached: %w", futex.MaxSlot, errs.ErrNoMemory)
}

func (a *Arena) openDomains() {
	r := a.record(a.self.Slot())
	c := futex.Config{Self: a.self, Peers: a, Base: a.basePtr(), Parking: a.head().parking[:]}
	c.Waits, c.Wakes, c.Poll = r.waits[:sentryRecords], r.wakes[:sentryRecords], true
	a.sentry = futex.NewDomain(c)
	c.Poll = false
	c.Waits, c.Wakes = r.waits[sentryRecords:], r.wakes[sentryRecords:]
	a.domain = futex.NewDomain(c)
}

func (a *Arena) describeSelf(role uint32, start uint64) {
	r := a.record(a.self.Slot())
	for i := range r.waits {
		atom.Put64(&r.waits[i], 0)
		atom.Put64(&r.wakes[i], 0)
	}
	atom.Put32(&r.inFlight, 0)
	atom.Put32(&r.attached, 0)
	atom.Put32(&r.sweeping, 0)
	atom.Put32(&r.role, role)
	atom.Put32(&r.pid, uint32(os.Getpid()))
	atom.Put64(&r.start, start)
	atom.Clear(r.label[:])
	atom.Put64(&r.joined, uint64(time.Now().UnixNano()))
}

// startTime is field 22 of /proc/self/stat; the command in field 2 may hold blanks.
func startTime() uint64 {
	b, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	if len(f) < 20 {
		return 0
	}
	n, _ := strconv.ParseUint(f[19], 10, 64)
	return n
}

// SetRole says what this process is.
func (a *Arena) SetRole(role int) { atom.Store32(&a.record(a.self.Slot()).role, uint32(role)) }

// SetLabel says who this process is, in at most 64 bytes: more are cut off. Who lists
// processes meanwhile may see a part of it.
func (a *Arena) SetLabel(label string) {
	var b [maxLabel]byte
	copy(b[:], label)
	atom.Copy(a.record(a.self.Slot()).label[:], b[:])
}

// leave is a death in good order: the process sweeps itself, while it still lives, as
// the sweep takes locks in its name. If it cannot until ctx ends, it leaves that to others.
func (a *Arena) leave(ctx context.Context, open []*Handle) {
	defer whenOver(ctx, a.closeSentry)()
	a.closeGuests(ctx)
	a.watch.stop()
	a.domain.Close()
	a.awaitOps(open)
	a.withdraw(a.sweep(a.sentry, a.self.Slot()) == nil)
	a.closeSentry()
	_ = unlockByte(a.file, a.self.Slot())
}

// whenOver calls f when ctx ends, now if it has ended, unless stop is called before.
func whenOver(ctx context.Context, f func()) (stop func() bool) {
	switch {
	case ctx.Err() != nil:
		f()
	case ctx.Done() != nil:
		return context.AfterFunc(ctx, f)
	}
	return func() bool { return true }
}

// closeSentry ends what sweeps wait for, and returns when that is done.
func (a *Arena) closeSentry() { a.endSentry.Do(a.sentry.Close) }

// withdraw ends the process's life as far as others can see. It is swept: nothing is held
// any more. Otherwise it looks like one that was killed, and whoever sweeps it frees its slot.
func (a *Arena) withdraw(swept bool) {
	s := a.slot(a.self.Slot())
	if swept {
		atom.Store32(&s.ident, ident(slotFree, a.self.Gen())) // nobody takes it while its byte is locked
	}
	atom.Store32(&s.live, futexOwnerDied) // before the kernel stops looking after it
	atom.Store32(&s.watched, futexOwnerDied)
	a.life.end()
	a.sentry.WakeAll(&s.live)
	a.sentry.WakeAll(&s.watched)
}

// ProcessInfo describes an attached process.
type ProcessInfo struct {
	ID       futex.ID
	Host     futex.ID // of a guest: the process that it is a guest of
	PID      int      // in the process's own namespace; a guest's is its host's
	Role     int
	Label    string
	Robust   bool // the kernel keeps its liveness word
	Attached time.Time
	Objects  int // attached
}

// Processes lists who is attached; nobody once the arena is closed.
func (a *Arena) Processes() []ProcessInfo {
	if a.begin() != nil {
		return nil
	}
	defer a.done()
	var list []ProcessInfo
	for i := uint32(1); i <= a.procTop(); i++ {
		s := a.slot(i)
		id := atom.Load32(&s.ident)
		if identState(id) != slotLive || atom.Load32(&s.live)&futexOwnerDied != 0 || !a.probe(i) {
			continue
		}
		r := a.record(i)
		label, _, _ := bytes.Cut(r.label[:], []byte{0})
		list = append(list, ProcessInfo{ID: futex.MakeID(i, identGen(id)), Host: a.hostOf(i), PID: int(atom.Load32(&r.pid)),
			Role: int(atom.Load32(&r.role)), Label: string(label), Robust: atom.Load32(&s.mode) == liveRobust,
			Attached: time.Unix(0, int64(atom.Load64(&r.joined))), Objects: a.attachments(i, nil)})
	}
	return list
}
