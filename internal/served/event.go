package served

import (
	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

type event struct {
	word *futex.Event
	d    *futex.Domain
	obj  *shm.Handle
}

var eventMethods = map[string]method[*event]{
	"set":   {(*event).set, instant},
	"clear": {(*event).clear, instant},
	"isset": {(*event).isSet, instant},
	"wait":  {(*event).wait, eventful},
}

func openEvent(o *opening) (coord.Opened, error) {
	o.creates(0)
	err := o.paramErr()
	if err == nil {
		err = o.untyped()
	}
	if err != nil {
		return coord.Opened{}, err
	}
	obj, created, err := o.attach(shm.Spec{Payload: shm.EventPayload})
	if err != nil {
		return coord.Opened{}, err
	}
	e := &event{shm.EventOf(obj.Object), o.arena.Domain(), obj}
	return opened(o, obj, created, e, eventMethods, nil, coord.AppendArray(nil, 0)), nil
}

func (e *event) set(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	e.obj.Release()
	e.word.Set(e.d)
	return c.null()
}

func (e *event) clear(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	e.word.Clear()
	return c.null()
}

func (e *event) isSet(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	set := e.word.IsSet()
	e.obj.Acquire()
	c.dst = coord.AppendBool(c.dst, set)
	return nil
}

func (e *event) wait(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	if !c.wait && !e.word.IsSet() {
		return errs.ErrWouldBlock
	}
	if err := e.word.Wait(c.ctx, e.obj.Domain()); err != nil {
		return err
	}
	e.obj.Acquire()
	return c.null()
}
