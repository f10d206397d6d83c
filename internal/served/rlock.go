package served

import "github.com/carom-ipc/carom/coord"

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
	return opened(o, obj, created, &rlock{o.mutexOf(obj)}, rlockMethods, nil, details), nil
}

func (l *rlock) holder(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	owner, _ := l.word.Holder()
	c.dst = coord.AppendBool(coord.AppendArray(c.dst, 2), owner == l.d.Self())
	c.dst = coord.AppendUint(c.dst, l.word.Fence())
	return nil
}

func (l *rlock) unlock(c *call) error {
	c.args.Args(1)
	return l.unlockBy(c, c.args.Uint())
}
