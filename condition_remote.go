package carom

import (
	"context"
	"errors"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/shm"
)

func (c *Condition) openRemote(m *Manager, op, name string, lock *Lock, o options) error {
	params := coord.AppendArray(nil, 1)
	if lock == nil {
		params = coord.AppendNull(params)
	} else {
		params = coord.AppendText(params, lock.Name())
	}
	h, err := openRemoteHandle(m, op, shm.Condition, name, "", o.exclusive, params)
	if err != nil {
		return err
	}
	c.h, c.lock = h, lock
	if lock != nil {
		return nil
	}
	c.own = true
	details := h.details()
	if details.Null() {
		c.lock = ownLock(h)
		return nil
	}
	found := details.Text()
	if err = details.Err(); err == nil {
		c.lock, err = OpenLock(m, found)
	}
	if err != nil {
		return errors.Join(h.wrap(op, err), h.close(shm.Condition))
	}
	return nil
}

// waitRemote is one call: the coordinator gives the session's lock up and takes it again,
// also when the call is cancelled.
func (c *Condition) waitRemote(ctx context.Context) error {
	if ctx.Err() != nil {
		if err := c.notifyRemote("wait", 0); err != nil { // does not hold the lock, for one
			return err
		}
		return ctx.Err()
	}
	return c.h.ask(ctx, "wait", "wait", nil)
}

// notifyRemote of nobody tells whether this process holds the lock.
func (c *Condition) notifyRemote(op string, n int) error {
	return c.h.tell(op, "notify", nil, uint64(max(n, 0)))
}
