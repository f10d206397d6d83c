package shm

import (
	"context"
	"sync"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// A guest works in the arena through another process, its host: one that cannot map the
// arena, and whose operations its host performs. To everybody else it is a process. It has
// an ID, and what it holds is found by that name when it leaves or dies. It shares its
// host's mapping and everything that costs a thread:
//
//   - the kernel marks a guest's live word with its host's, whose list it is in (where there
//     is no list, the guest's byte of the memfd is locked through the host's description);
//   - a guest watches nobody and is not watched: whoever finds its host dead looks at all
//     slots;
//   - its goroutines wait through its host's gates, records and hub. A guest does not die
//     by itself in the middle of anything: those are its host's to leave;
//   - all its calls are counted (see Handle), also those that are one instruction.
type guests struct {
	mu   sync.Mutex // taken while a slot changes hands: all guests' bytes have one owner
	by   map[futex.ID]*Arena
	over bool // the host leaves
	all  sync.WaitGroup
}

// Guest attaches a guest of this process. What it holds, attaches and waits for is its own;
// its Close gives all that back. Its role is RoleRemote. Errors: ErrNoMemory when the table
// of processes is full, ErrClosed.
func (a *Arena) Guest() (*Arena, error) {
	h := a.process()
	h.guests.mu.Lock()
	defer h.guests.mu.Unlock()
	if h.guests.over {
		return nil, errs.ErrClosed
	}
	g := &Arena{base: h.base, mapping: h.mapping, size: h.size, outside: h.outside, file: h.file, host: h, sentry: h.sentry,
		objects: make(map[uint32]*Object), types: make(map[string]uint32)}
	s, err := g.takeSlot(h.self)
	if err != nil {
		return nil, err
	}
	i := g.self.Slot()
	g.describeSelf(RoleRemote, h.record(h.self.Slot()).start)
	g.domain = h.domain.As(g.self)
	atom.Store32(&s.mode, liveRobust)
	if g.kept = h.life.keep(s, i); !g.kept {
		atom.Store32(&s.mode, liveFile)
		atom.Store32(&s.live, futex.Polled)
	}
	atom.Store32(&s.ident, ident(slotLive, g.self.Gen()))
	if h.guests.by == nil {
		h.guests.by = make(map[futex.ID]*Arena)
	}
	h.guests.by[g.self] = g
	h.guests.all.Add(1)
	return g, nil
}

// process is the arena of the process that a is, or that it is a guest of.
func (a *Arena) process() *Arena {
	if a.host != nil {
		return a.host
	}
	return a
}

// hostOf names the process whose guest has slot i; 0 for a process's.
func (a *Arena) hostOf(i uint32) futex.ID { return futex.ID(atom.Load32(&a.slot(i).host)) }

// owns reports that slot i is this process's, or its guest's.
func (a *Arena) owns(i uint32) bool { return i == a.self.Slot() || a.hostOf(i) == a.self }

// depart is what leave is for a process. The host sweeps: it is alive. If it cannot until ctx
// ends, the guest is left for everybody to sweep as a process that died, in a slot that names
// no host.
func (a *Arena) depart(ctx context.Context, open []*Handle) {
	h, s, i := a.host, a.slot(a.self.Slot()), a.self.Slot()
	defer h.guests.all.Done()
	a.domain.Close()
	a.awaitOps(open)
	d := h.sentry.Visit()
	defer whenOver(ctx, d.Close)()
	swept := h.sweep(d, i) == nil
	h.guests.mu.Lock()
	defer h.guests.mu.Unlock()
	if swept {
		atom.Store32(&s.ident, ident(slotFree, a.self.Gen())) // nobody takes it while its byte is locked
	} else {
		atom.Store32(&s.host, 0)
	}
	h.sentry.StoreWaking(&s.live, futexOwnerDied)
	if a.kept {
		h.life.release(i)
	}
	delete(h.guests.by, a.self)
	_ = unlockByte(a.file, i)
	if !swept { // nobody need be there whose watcher looks now and then
		me := a.slot(h.self.Slot())
		atom.Add32(&me.kick, 1)
		h.sentry.WakeAll(&me.kick)
	}
}

// closeGuests closes all and waits for those that close by themselves.
func (a *Arena) closeGuests(ctx context.Context) {
	a.guests.mu.Lock()
	a.guests.over = true
	var open []*Arena
	for _, g := range a.guests.by {
		open = append(open, g)
	}
	a.guests.mu.Unlock()
	for _, g := range open {
		_ = g.Close(ctx) // ErrClosed from one that is being closed
	}
	a.guests.all.Wait()
}
