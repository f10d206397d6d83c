package served

import (
	"fmt"
	"sync"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

const lockAutoRecover = 1 // flag of the entry, as package carom has it

// mutex is a lock: an object's own, or one that is an object.
type mutex struct {
	word *futex.Mutex
	d    *futex.Domain // the session's; waits are the handle's
	mode futex.Mode
	obj  *shm.Handle

	again *renewals // the session's
}

// renewals are the acquisitions by which a session's waits for conditions took their locks
// again. To the session they are still those that the waits gave up: a client ends them by the
// fence that it was told, also where the answer to the wait was an error.
type renewals struct {
	mu   sync.Mutex
	last map[uint64]renewal // by the serials of the objects whose locks they are of
}

// renewal is the newest acquisition of a chain of them.
type renewal struct{ told, now uint64 } // fences

// told is the fence that the client knows for the session's acquisition now.
func (r *renewals) told(serial, now uint64) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.last[serial]; ok && last.now == now {
		return last.told
	}
	return now
}

// add is for a wait that gave up what the client knows as told, and has the lock again.
func (r *renewals) add(serial, told, now uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		r.last = map[uint64]renewal{}
	}
	r.last[serial] = renewal{told, now}
}

func (r *renewals) forget(serial uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.last, serial)
}

func (o *opening) mutexOf(obj *shm.Handle) mutex {
	m := mutex{word: shm.LockOf(obj.Object), d: obj.Arena().Domain(), obj: obj, again: o.again}
	if (obj.Kind == shm.Lock || obj.Kind == shm.RLock) && obj.Flags&lockAutoRecover != 0 {
		m.mode = futex.TakeOver
	}
	return m
}

var lockMethods = withLock(func(l *mutex) *mutex { return l }, map[string]method[*mutex]{})

// withLock adds the methods of a lock that is part of T.
func withLock[T any](lock func(T) *mutex, methods map[string]method[T]) map[string]method[T] {
	for name, m := range map[string]method[*mutex]{
		"lock":    {(*mutex).lock, eventful},
		"trylock": {(*mutex).tryLock, instant},
		"recover": {(*mutex).recover, eventful},
		"unlock":  {(*mutex).unlock, instant},
		"fence":   {(*mutex).fence, instant},
	} {
		methods[name] = method[T]{func(t T, c *call) error { return m.do(lock(t), c) }, m.waits}
	}
	return methods
}

func openLock(o *opening) (coord.Opened, error) {
	obj, created, details, err := o.attachLock()
	if err != nil {
		return coord.Opened{}, err
	}
	m := o.mutexOf(obj)
	return opened(o, obj, created, &m, lockMethods, nil, details), nil
}

// attachLock opens a lock of either kind.
func (o *opening) attachLock() (obj *shm.Handle, created bool, details []byte, err error) {
	spec := shm.Spec{Payload: shm.LockPayload, Describe: func(_ uint64, flags uint32) string {
		return fmt.Sprintf("auto recover %t", flags&lockAutoRecover != 0)
	}}
	if o.creates(1) && o.params.Bool() {
		spec.Flags = lockAutoRecover
	}
	if err = o.paramErr(); err == nil {
		err = o.untyped()
	}
	if err == nil {
		obj, created, err = o.attach(spec)
	}
	if err != nil {
		return nil, false, nil, err
	}
	return obj, created, coord.AppendBool(coord.AppendArray(nil, 1), obj.Flags&lockAutoRecover != 0), nil
}

func (m *mutex) lock(c *call) error { return m.acquire(c, m.mode) }

func (m *mutex) recover(c *call) error { return m.acquire(c, futex.TakeOver) }

func (m *mutex) acquire(c *call, mode futex.Mode) error {
	if !c.wait {
		return m.try(c, mode)
	}
	if err := c.nothing(); err != nil {
		return err
	}
	if _, err := m.word.Lock(c.ctx, m.obj.Domain(), mode); err != nil {
		return err
	}
	return m.acquired(c)
}

func (m *mutex) tryLock(c *call) error { return m.try(c, m.mode) }

func (m *mutex) try(c *call, mode futex.Mode) error {
	if err := c.nothing(); err != nil {
		return err
	}
	if _, err := m.word.TryLock(m.d, mode); err != nil {
		return err
	}
	return m.acquired(c)
}

func (m *mutex) acquired(c *call) error {
	m.obj.Acquire()
	c.dst = coord.AppendUint(c.dst, m.word.Fence())
	return nil
}

func (m *mutex) unlock(c *call) error {
	c.args.Args(0)
	if c.args.More() {
		return m.unlockBy(c, c.args.Uint())
	}
	if err := c.args.Err(); err != nil {
		return err
	}
	return m.release(c)
}

// noFence is no acquisition's: unlocking by it only clears the state of a dead owner.
const noFence = 0

// unlockBy ends the session's acquisition with that fence: ErrNotOwner if it is over.
func (m *mutex) unlockBy(c *call, fence uint64) error {
	if err := c.args.Err(); err != nil {
		return err
	}
	owner, died := m.word.Holder()
	now := m.word.Fence()
	switch {
	case died && fence == noFence:
	case owner == 0 && !died:
		return errs.ErrNotLocked
	case owner != m.d.Self():
		return fmt.Errorf("%w: the acquisition with fence %d is over", errs.ErrNotOwner, fence)
	case fence != now && fence != m.again.told(m.obj.Serial, now):
		return fmt.Errorf("%w: the session holds it by fence %d, not by %d", errs.ErrNotOwner, now, fence)
	}
	return m.release(c)
}

func (m *mutex) release(c *call) error {
	m.again.forget(m.obj.Serial)
	m.obj.Release()
	if err := m.word.Unlock(m.d); err != nil {
		return err
	}
	return c.null()
}

func (m *mutex) fence(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	c.dst = coord.AppendUint(c.dst, m.word.Fence())
	return nil
}
