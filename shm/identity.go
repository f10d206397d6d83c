package shm

import (
	"context"

	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// An object's identity is its entry's index with its serial: entries are used again,
// serials are not, so a name that was removed and taken anew is told from what it was.

// nextSerial takes a serial. Precondition: the arena's lock is held.
func (a *Arena) nextSerial() uint64 {
	h := a.head()
	atom.Put64(&h.serial, h.serial+1)
	return h.serial
}

// Find tells what has that name, and its element type. Errors: ErrNotFound, the context's.
func (a *Arena) Find(ctx context.Context, name string) (r Ref, typ string, err error) {
	if err := a.begin(); err != nil {
		return Ref{}, "", err
	}
	defer a.done()
	if err := a.lock(ctx); err != nil {
		return Ref{}, "", err
	}
	defer a.unlock()
	i, ok := a.find(name, nameHash(name))
	if !ok {
		return Ref{}, "", errs.ErrNotFound
	}
	return a.ref(i), a.typeText(a.entry(i).typ), nil
}

// openLockAt attaches the lock with an entry and a serial, of which it is given the bits of
// conditionSerial. ErrNotFound: the lock has no name any more.
func (a *Arena) openLockAt(ctx context.Context, i uint32, serial uint64) (*Handle, error) {
	if err := a.begin(); err != nil {
		return nil, err
	}
	defer a.done()
	if err := a.lock(ctx); err != nil {
		return nil, err
	}
	defer a.unlock()
	if i >= a.head().entryTop || !a.entry(i).isLive() || a.entry(i).kind() != Lock || a.ref(i).Serial&conditionSerial != serial {
		return nil, errs.ErrNotFound
	}
	if err := a.sound(i, &Spec{Payload: LockPayload}); err != nil {
		return nil, err
	}
	return a.attach(i, string(a.nameOf(a.entry(i))))
}

// Drop is Remove of one object alone: ErrNotFound if the name is not, or no longer, that of
// the object with that serial. From an object that lives in the coordinator it detaches this
// process too, whatever number of handles it has.
func (a *Arena) Drop(ctx context.Context, name string, serial uint64) error {
	if serial == 0 {
		return errs.ErrNotFound
	}
	return a.remove(ctx, name, serial, false)
}
