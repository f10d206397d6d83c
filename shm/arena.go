package shm

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// MinBudget is the smallest budget that an arena accepts, in bytes.
const MinBudget = 512 * kib

// An Arena is one process's mapping of the memory that a manager's processes share.
// It is safe for concurrent use.
type Arena struct {
	base    pointer
	mapping []byte
	size    uint64
	outside *[outsideSize / 8]uint64 // see at
	file    *os.File                 // the memfd, through this process's own description
	self    futex.ID
	domain  *futex.Domain
	sentry  *futex.Domain // for the watcher and the sweep
	life    life
	watch   watcher
	host    *Arena       // of a guest
	kept    bool         // of a guest: its word is in its host's robust list
	guests  guests       // of a host
	spare   atomic.Int64 // bytes of free blocks that are kept; see spares
	owed    owed

	ops       atomic.Int64 // operations under way; see under_way.go
	endSentry sync.Once

	mu         sync.Mutex // guards what follows; nobody who has it waits for the arena's own lock
	objects    map[uint32]*Object
	types      map[string]uint32 // signature to index, plus one
	quarantine quarantine
	used       bool // something was attached
	closed     bool
}

// Create makes an arena with a budget in bytes and attaches this process. Errors:
// ErrNoMemory for a budget below MinBudget, errors.ErrUnsupported where there is no
// memfd.
func Create(budget int64) (*Arena, error) {
	if budget < MinBudget {
		return nil, fmt.Errorf("a budget of %d bytes is below the minimum of %d: %w", budget, MinBudget, errs.ErrNoMemory)
	}
	size := max(minSize, heapAt+roundUp(uint64(budget)*2, chunkSize))
	if size > heapAt+maxChunks*chunkSize {
		return nil, fmt.Errorf("a budget of %d bytes: %w", budget, errs.ErrTooLarge)
	}
	file, err := newMemory(size)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	mapping, err := mapMemory(file, size)
	if err != nil {
		return nil, err
	}
	a := &Arena{base: basePointer(mapping), size: size}
	h := a.head()
	h.magic, h.version, h.fingerprint = magic, layoutVersion, fingerprint()
	_, _ = rand.Read(h.id[:])
	h.budget, h.size = uint64(budget), size
	atom.Store32(&h.ready, 1)
	unmap(mapping)
	return Attach(file)
}

// Attach maps the arena in file, which stays the caller's, and enters the table of
// processes. Errors: ErrCorrupt for memory that is no arena, ErrType for one of
// another layout (both are named), ErrNoMemory when the table is full.
func Attach(file *os.File) (*Arena, error) {
	own, size, err := reopen(file)
	if err != nil {
		return nil, err
	}
	if size < minSize {
		_ = own.Close()
		return nil, fmt.Errorf("arena of %d bytes, want at least %d: %w", size, uint64(minSize), errs.ErrCorrupt)
	}
	mapping, err := mapMemory(own, size)
	if err != nil {
		_ = own.Close()
		return nil, err
	}
	a := &Arena{base: basePointer(mapping), mapping: mapping, size: size, file: own, outside: new([outsideSize / 8]uint64),
		objects: make(map[uint32]*Object), types: make(map[string]uint32)}
	if err = a.validate(); err == nil {
		err = a.join()
	}
	if err != nil {
		unmap(mapping)
		_ = own.Close()
		return nil, err
	}
	return a, nil
}

func (a *Arena) validate() error {
	h := a.head()
	switch {
	case h.magic != magic:
		return fmt.Errorf("magic %#x, want %#x: %w", h.magic, uint64(magic), errs.ErrCorrupt)
	case atom.Load32(&h.ready) != 1:
		return fmt.Errorf("its creator died before it was ready: %w", errs.ErrCorrupt)
	case h.version != layoutVersion:
		return fmt.Errorf("arena has layout version %d, this program %d: %w", h.version, layoutVersion, errs.ErrType)
	case h.fingerprint != fingerprint():
		return fmt.Errorf("arena has layout fingerprint %#x, this program %#x: %w", h.fingerprint, fingerprint(), errs.ErrType)
	case h.size != a.size:
		return fmt.Errorf("arena says it has %d bytes, its memory %d: %w", h.size, a.size, errs.ErrCorrupt)
	}
	return nil
}

// ID is the arena's random name.
func (a *Arena) ID() [16]byte { return a.head().id }

// Self names this process.
func (a *Arena) Self() futex.ID { return a.self }

// Domain is this process's way of waiting.
func (a *Arena) Domain() *futex.Domain { return a.domain }

// Sentry is the way of waiting that sweeps use.
func (a *Arena) Sentry() *futex.Domain { return a.sentry }

// File is the descriptor to hand to another process. It belongs to the arena.
func (a *Arena) File() *os.File { return a.file }

// Budget is the limit in bytes.
func (a *Arena) Budget() int64 { return int64(a.head().budget) }

// lock takes the arena's lock; who takes it over from the dead rebuilds what is derived.
func (a *Arena) lock(ctx context.Context) error { return a.lockAs(ctx, a.domain) }

func (a *Arena) lockAs(ctx context.Context, d *futex.Domain) error {
	return a.locked(a.head().lock.Lock(ctx, d, futex.TakeOver))
}

// lockFor is lock at the beginning of a call through a handle, whose Close may end it.
func (a *Arena) lockFor(ctx context.Context, h *Handle) error {
	return a.locked(h.lock(ctx, &a.head().lock, futex.TakeOver))
}

func (a *Arena) locked(recovered bool, err error) error {
	if err == nil && (recovered || !a.plausible()) {
		a.rebuild()
	}
	return err
}

func (a *Arena) unlock() {
	if a.owed.any.Load() {
		a.settle()
	}
	_ = a.head().lock.Unlock(a.domain)
}

// MarkClosed says that the manager was shut down; Closed reports it.
func (a *Arena) MarkClosed() {
	atom.Store32(&a.head().closed, 1)
	a.sentry.WakeAll(&a.head().closed)
}

// WaitClosed returns when the manager was shut down, when the process that it goes
// with (0: none) is dead, or when ctx ends.
func (a *Arena) WaitClosed(ctx context.Context, root uint32) {
	a.mu.Lock()
	a.used = true // it may look once more when the arena was closed
	a.mu.Unlock()
	for ctx.Err() == nil && !a.isClosed() && !a.Closed() {
		var word *uint32
		var val uint32
		if root != 0 {
			var alive bool
			if word, val, alive = a.Liveness(futex.ID(root)); !alive {
				return
			}
		}
		a.sentry.Watch(ctx, &a.head().closed, 0, word, val, 0)
	}
}

func (a *Arena) isClosed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.closed
}

// Closed reports whether the manager was shut down.
func (a *Arena) Closed() bool { return atom.Load32(&a.head().closed) != 0 }

// Stats are the arena's counters. All are of the whole arena but for Waits and
// Wakes, which are this process's.
type Stats struct {
	Objects    int
	Used       int64 // bytes of objects and items
	Committed  int64 // bytes that have memory behind them, free but kept ones included
	Budget     int64
	Processes  int
	Recoveries int // deaths swept
	Waits      uint64
	Wakes      uint64
}

// Stats reads the counters, each by itself. All are 0 once the arena is closed.
func (a *Arena) Stats() Stats {
	if a.begin() != nil {
		return Stats{}
	}
	defer a.done()
	h := a.head()
	lanes := int64(atom.Load32(&h.lanes)) * (laneChunks*chunkSize + entrySize)
	s := Stats{Objects: int(atom.Load32(&h.objects)), Used: int64(atom.Load64(&h.used)) - lanes,
		Committed: int64(atom.Load64(&h.committed)), Budget: int64(h.budget),
		Recoveries: int(atom.Load32(&h.recoveries))}
	s.Waits, s.Wakes = a.domain.Stats()
	for i := uint32(1); i <= a.procTop(); i++ {
		if atom.Load32(&a.slot(i).ident)&slotStates == slotLive {
			s.Processes++
		}
	}
	return s
}

// Close detaches: objects that this process, or this guest, attached are let go, what it
// held becomes as if it had died, its waits end with ErrClosed. A process's guests are
// closed first. Where that needs a lock which a stopped process holds until ctx ends, it
// withdraws as one that died, and others take back what it held. ErrClosed: it was closed
// before.
//
// Preconditions, for a guest:
//   - none of its operations is under way, but for those that wait.
func (a *Arena) Close(ctx context.Context) error {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return errs.ErrClosed
	}
	a.closed = true
	var open []*Handle
	for _, o := range a.objects {
		for h := o.handles; h != nil; h = h.next {
			open = append(open, h)
		}
	}
	if stop := a.quarantine.stop; stop != nil {
		stop()
	}
	a.mu.Unlock()
	a.ops.Add(opsClosed)
	for _, h := range open {
		if h.shut() {
			h.lose()
		}
	}
	if a.host != nil {
		a.depart(ctx, open)
		return nil
	}
	a.leave(ctx, open)
	if a.isUsed() {
		retire(a.mapping) // a late access by a goroutine of this process must not fault
	} else {
		unmap(a.mapping)
	}
	return a.file.Close()
}

func (a *Arena) isUsed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.used
}
