package served

import (
	"fmt"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/shm"
)

const lockAutoRecover = 1 // flag of the entry, as package carom has it

// mutex is a lock: an object's own, or one that is an object.
type mutex struct {
	word *futex.Mutex
	d    *futex.Domain // the session's; waits are the handle's
	mode futex.Mode
	obj  *shm.Handle
}

func mutexOf(obj *shm.Handle) mutex {
	m := mutex{word: shm.LockOf(obj.Object), d: obj.Arena().Domain(), obj: obj}
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
	m := mutexOf(obj)
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
	if err := c.nothing(); err != nil {
		return err
	}
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
