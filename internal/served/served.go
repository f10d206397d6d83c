// Package served performs the operations of objects in shared memory for clients of the
// coordinator that cannot map it. Each session is a guest of the arena: a process in all but
// its memory, so lock words name the session, remote and local processes contend for the same
// words, and the end of a session is a death like any other.
//
// The kinds, their methods, parameters and errors are those of coord/PROTOCOL.md, "Objects in
// shared memory"; a table in each file says which of its methods may wait.
package served

import (
	"context"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// Openers serve the arena that host is this process's part of. They do not close it.
func Openers(host *shm.Arena) map[string]coord.Opener {
	h := &hall{arena: host, members: map[*coord.Session]*member{}, types: map[string]bool{}}
	return map[string]coord.Opener{
		"value":            opener{h, shm.Value, openValue},
		"array":            opener{h, shm.Array, openArray},
		"queue":            opener{h, shm.Queue, openQueue},
		"bytequeue":        opener{h, shm.ByteQueue, openByteQueue},
		"lock":             opener{h, shm.Lock, openLock},
		"rlock":            opener{h, shm.RLock, openRLock},
		"semaphore":        opener{h, shm.Semaphore, openSemaphore},
		"boundedsemaphore": opener{h, shm.BoundedSemaphore, openSemaphore},
		"condition":        opener{h, shm.Condition, openCondition},
		"event":            opener{h, shm.Event, openEvent},
		"barrier":          opener{h, shm.Barrier, openBarrier},
		"arena":            arenaOpener{host},
	}
}

// hall is where the sessions of a coordinator meet.
type hall struct {
	arena *shm.Arena

	mu       sync.Mutex
	members  map[*coord.Session]*member
	types    map[string]bool // texts that sessions brought
	typeText int             // their bytes
}

// member is a session that has opened something.
type member struct {
	arena *shm.Arena // the session's own part
	types int        // texts that it brought; guarded by hall.mu
	again renewals
}

// endPatience is how long the end of a session waits for somebody who is at work on what the
// session held. After that everybody finds the session dead.
const endPatience = 5 * time.Second

// member returns the session's guest, which is made with the first object that it opens and
// goes with the session.
func (h *hall) member(sess *coord.Session) (*member, error) {
	h.mu.Lock()
	m := h.members[sess]
	if m != nil {
		h.mu.Unlock()
		return m, nil
	}
	guest, err := h.arena.Guest()
	if err != nil {
		h.mu.Unlock()
		return nil, err
	}
	m = &member{arena: guest}
	h.members[sess] = m
	h.mu.Unlock()
	sess.OnEnd(func() {
		h.mu.Lock()
		delete(h.members, sess)
		h.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), endPatience)
		defer cancel()
		_ = guest.Close(ctx)
	})
	return m, nil
}

// The arena never forgets a type, so what sessions may bring is limited, and half of the
// table is left to local processes.
const (
	maxTypeText     = 64 << 10 // bytes of one text
	maxMemberTypes  = 1 << 10
	maxTypes        = 1 << 15
	maxAllTypeTexts = 16 << 20 // bytes
)

// admitType decides whether a session may create an object of that element type.
func (h *hall) admitType(m *member, typ string) error {
	switch {
	case typ == "":
		return nil
	case !utf8.ValidString(typ):
		return fmt.Errorf("%w: a type that is not UTF-8", errs.ErrType)
	case len(typ) > maxTypeText:
		return fmt.Errorf("%w: a type of %d bytes, the limit is %d", errs.ErrTooLarge, len(typ), maxTypeText)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.types[typ]:
		return nil
	case m.types >= maxMemberTypes:
		return fmt.Errorf("%w: the session has brought %d element types, which is the limit", errs.ErrNoMemory, m.types)
	case len(h.types) >= maxTypes || h.typeText+len(typ) > maxAllTypeTexts:
		return fmt.Errorf("%w: sessions have brought %d element types with %d bytes of text, which is the limit",
			errs.ErrNoMemory, len(h.types), h.typeText)
	}
	h.types[typ] = true
	h.typeText += len(typ)
	m.types++
	return nil
}
