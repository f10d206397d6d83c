package cases

import (
	"context"

	"github.com/carom-ipc/carom"
)

// A bell is one direction of a round trip: one process rings, the other hears it. The
// parties of a case have two.
type bell struct {
	ring func() error
	hear func(context.Context) error
}

// bells by what they are made of: new makes the objects, under names that begin with
// name, open is each party's.
var bells = map[string]struct {
	new  func(e *Env, name string) error
	open func(m *carom.Manager, name string) (bell, error)
}{
	"Event":     {newEventBell, openEventBell},
	"Semaphore": {newSemaphoreBell, openSemaphoreBell},
	"Condition": {newConditionBell, openConditionBell},
}

func newEventBell(e *Env, name string) error {
	v, err := carom.NewEvent(e.M, name)
	_, err = own(e, v, err)
	return err
}

func openEventBell(m *carom.Manager, name string) (bell, error) {
	v, err := carom.OpenEvent(m, name)
	return bell{ring: v.Set, hear: func(ctx context.Context) error {
		if err := v.Wait(ctx); err != nil {
			return err
		}
		return v.Clear()
	}}, err
}

func newSemaphoreBell(e *Env, name string) error {
	s, err := carom.NewSemaphore(e.M, name, 0)
	_, err = own(e, s, err)
	return err
}

func openSemaphoreBell(m *carom.Manager, name string) (bell, error) {
	s, err := carom.OpenSemaphore(m, name)
	return bell{ring: func() error { return s.Release() }, hear: s.Acquire}, err
}

// A condition needs what it is about: a word under its lock.
func newConditionBell(e *Env, name string) error {
	c, err := carom.NewCondition(e.M, name, nil)
	if _, err := own(e, c, err); err != nil {
		return err
	}
	v, err := carom.NewValue[int32](e.M, name+".rung")
	_, err = own(e, v, err)
	return err
}

func openConditionBell(m *carom.Manager, name string) (bell, error) {
	c, err := carom.OpenCondition(m, name)
	if err != nil {
		return bell{}, err
	}
	rung, err := carom.OpenValue[int32](m, name+".rung")
	if err != nil {
		return bell{}, err
	}
	l, isRung := c.L(), func() bool { return rung.Load() != 0 }
	return bell{
		ring: func() error {
			if err := l.Lock(context.Background()); err != nil {
				return err
			}
			rung.Store(1)
			if err := c.Notify(1); err != nil {
				return err
			}
			return l.Unlock()
		},
		hear: func(ctx context.Context) error {
			if err := l.Lock(ctx); err != nil {
				return err
			}
			if err := c.WaitFor(ctx, isRung); err != nil {
				return err
			}
			rung.Store(0)
			return l.Unlock()
		},
	}, nil
}
