package served

import (
	"fmt"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
)

// rlock is a lock that only its holder releases. How often that holder has acquired it is
// for the client to count.
type rlock struct{ mutex }

var rlockMethods = func() map[string]method[*rlock] {
	methods := withLock(func(l *rlock) *mutex { return &l.mutex }, map[string]method[*rlock]{})
	methods["unlock"] = method[*rlock]{(*rlock).unlock, instant}
	methods["holder"] = method[*rlock]{(*rlock).holder, instant}
	return methods
}()

func openRLock(o *opening) (coord.Opened, error) {
	obj, created, details, err := o.attachLock()
	if err != nil {
		return coord.Opened{}, err
	}
	return opened(o, obj, created, &rlock{mutexOf(obj)}, rlockMethods, nil, details), nil
}

// held reports whether the session holds the lock. It is released by nobody else, and by
// the session only on the goroutine that reads its connection.
func (l *rlock) held() (mine bool, fence uint64) {
	owner, _ := l.word.Holder()
	return owner == l.d.Self(), l.word.Fence()
}

func (l *rlock) holder(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	mine, fence := l.held()
	c.dst = coord.AppendUint(coord.AppendBool(coord.AppendArray(c.dst, 2), mine), fence)
	return nil
}

func (l *rlock) unlock(c *call) error {
	c.args.Args(1)
	fence := c.args.Uint()
	if err := c.args.Err(); err != nil {
		return err
	}
	owner, died := l.word.Holder()
	mine, current := l.held()
	switch {
	case died: // nobody holds it; this clears the state
	case owner == 0:
		return errs.ErrNotLocked
	case !mine:
		return errs.ErrNotOwner
	case fence != current:
		return fmt.Errorf("%w: it is held by fence %d, not by %d", errs.ErrNotOwner, current, fence)
	}
	l.obj.Release()
	if err := l.word.Unlock(l.d); err != nil {
		return err
	}
	return c.null()
}
