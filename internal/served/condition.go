package served

import (
	"context"
	"errors"
	"fmt"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/naming"
	"github.com/carom-ipc/carom/shm"
)

type condition struct {
	list *shm.Waiters
	lock mutex
	own  bool // lock is the condition's own
}

var conditionMethods = map[string]method[*condition]{
	"wait":   {(*condition).wait, lingering},
	"notify": {(*condition).notify, brief},
}

// ownConditionMethods are those of a condition whose lock is its own.
var ownConditionMethods = withLock(func(k *condition) *mutex { return &k.lock }, map[string]method[*condition]{
	"wait":   {(*condition).wait, lingering},
	"notify": {(*condition).notify, brief},
})

func openCondition(o *opening) (coord.Opened, error) {
	lockName, other := "", false
	var lockID coord.Identity // empty: whatever has the name
	if o.creates(1) && !o.params.Null() {
		lockName, other = o.params.Text(), true
		if o.params.More() {
			lockID = coord.Identity(o.params.Bytes())
		}
	}
	err := o.paramErr()
	if err == nil {
		err = o.untyped()
	}
	if err != nil {
		return coord.Opened{}, err
	}
	var lock *shm.Handle
	if other {
		if lock, err = o.openLock(lockName, lockID); err != nil {
			return coord.Opened{}, err
		}
	}
	var its *shm.Object
	if lock != nil {
		its = lock.Object
	}
	obj, created, err := o.attach(shm.ConditionSpec(o.name, its))
	if err == nil && lock == nil {
		if lock, err = shm.ConditionLock(o.ctx, obj); err != nil {
			_ = obj.Close(o.ctx)
		}
	}
	if err != nil {
		if lock != nil {
			_ = lock.Close(o.ctx)
		}
		return coord.Opened{}, err
	}
	k := &condition{list: shm.WaitersOf(obj)}
	if lock == nil {
		k.lock, k.own = o.mutexOf(obj), true
		return opened(o, obj, created, k, ownConditionMethods, nil, coord.AppendNull(coord.AppendArray(nil, 1))), nil
	}
	k.lock = o.mutexOf(lock)
	last := func() {
		ctx, cancel := context.WithTimeout(context.Background(), closePatience)
		defer cancel()
		_ = lock.Close(ctx)
	}
	details := coord.AppendText(coord.AppendArray(nil, 2), lock.Name)
	details = coord.AppendBytes(details, []byte(identityOf(lock.Index, lock.Serial)))
	return opened(o, obj, created, k, conditionMethods, last, details), nil
}

// openLock opens the lock that a condition is given. ErrNotFound: the client means another
// one, which had the name before.
func (o *opening) openLock(name string, id coord.Identity) (*shm.Handle, error) {
	lock, _, err := o.arena.Open(o.ctx, shm.Spec{Name: name, Kind: shm.Lock, OpenOnly: true, Any: true})
	if err != nil {
		return nil, fmt.Errorf("its lock %s: %w", naming.Quote(name), err)
	}
	if id != "" && id != identityOf(lock.Index, lock.Serial) {
		_ = lock.Close(o.ctx)
		return nil, fmt.Errorf("its lock %q was removed, another has the name now: %w", name, errs.ErrNotFound)
	}
	return lock, nil
}

// held says whether the session holds the lock.
func (k *condition) held() error {
	switch owner, died := k.lock.word.Holder(); {
	case died:
		return errs.ErrOwnerDied
	case owner == 0:
		return errs.ErrNotLocked
	case owner != k.lock.d.Self():
		return errs.ErrNotOwner
	}
	return nil
}

// wait returns with the lock held, also when it was cancelled: only the end of the session
// ends its wait for the lock. Who was notified leaves the list when it has the lock; a session
// that ended does not, so the sweep finds it there, and passes the notification on. Where the
// condition's own lock goes with it, a wait that ends because the session released the
// condition does not take the lock: nobody could give it back.
func (k *condition) wait(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	if err := k.held(); err != nil {
		return err
	}
	if err := c.ctx.Err(); err != nil {
		return err
	}
	w, err := k.list.Add(c.ctx)
	if err != nil {
		return err
	}
	told := k.lock.again.told(k.lock.obj.Serial, k.lock.word.Fence())
	k.lock.obj.Release()
	if err := k.lock.word.Unlock(k.lock.d); err != nil {
		w.Leave()
		return err
	}
	err = w.Wait(c.ctx)
	session := c.sess.Context()
	if session.Err() != nil { // a free lock would be taken nevertheless, by one who is dead
		return session.Err()
	}
	lockErr := error(errs.ErrClosed)
	if !k.released(c) {
		_, lockErr = k.lock.word.Lock(session, k.lock.obj.Domain(), k.lock.mode)
		if lockErr == nil && k.released(c) {
			k.lock.obj.Release()
			_ = k.lock.word.Unlock(k.lock.d)
			lockErr = errs.ErrClosed
		}
	}
	if lockErr == nil {
		k.lock.again.add(k.lock.obj.Serial, told, k.lock.word.Fence())
	}
	switch {
	case err != nil || session.Err() != nil:
	case errors.Is(lockErr, errs.ErrClosed):
		w.PassOn()
	default:
		w.Leave()
	}
	if lockErr != nil {
		return errors.Join(err, lockErr)
	}
	if err != nil {
		return err
	}
	k.lock.obj.Acquire()
	return c.null()
}

// released reports that the session has released a condition whose lock is its own. That ends
// its calls a moment before it closes the handle.
func (k *condition) released(c *call) bool {
	return k.lock.obj.Closed() || k.own && errors.Is(context.Cause(c.ctx), errs.ErrClosed)
}

// everybody is more than can wait.
const everybody = 1 << 30

func (k *condition) notify(c *call) error {
	c.args.Args(1)
	n := c.args.Uint()
	err := c.args.Err()
	if err == nil {
		err = k.held()
	}
	if err == nil && n > 0 {
		err = k.list.Notify(c.ctx, int(min(n, everybody)))
	}
	if err != nil {
		return err
	}
	return c.null()
}
