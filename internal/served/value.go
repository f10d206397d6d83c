package served

import (
	"bytes"
	"fmt"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

type value struct{ elements }

// Values of other sizes than a word's have a lock for those who write them.
var wordMethods, largeMethods = valueMethods(instant), valueMethods(brief)

func valueMethods(writing patience) map[string]method[*value] {
	return withLock(func(v *value) *mutex { return &v.mutex }, map[string]method[*value]{
		"load":        {(*value).load, instant},
		"store":       {(*value).store, writing},
		"swap":        {(*value).swap, writing},
		"cas":         {(*value).compareAndSwap, writing},
		"add":         {(*value).add, instant},
		"loadversion": {(*value).loadVersion, instant},
		"storeif":     {(*value).storeIf, writing},
	})
}

func openValue(o *opening) (coord.Opened, error) {
	spec, err := o.valueSpec()
	if err != nil {
		return coord.Opened{}, err
	}
	obj, created, err := o.attach(spec)
	if err != nil {
		return coord.Opened{}, err
	}
	size, err := elementSize(obj.Type)
	if err == nil && shm.CellPayload(size) > obj.Size {
		err = fmt.Errorf("a %s in %d bytes: %w", obj.Type, obj.Size, errs.ErrCorrupt)
	}
	if err != nil {
		_ = obj.Close(o.ctx)
		return coord.Opened{}, err
	}
	v, methods := &value{o.elementsOf(obj, shm.RawValue(obj, size), size)}, largeMethods
	if shm.IsWord(size) {
		methods = wordMethods
	}
	details := coord.AppendUint(coord.AppendArray(nil, 1), size)
	return opened(o, obj, created, v, methods, nil, details), nil
}

// valueSpec is what the parameters ask for.
func (o *opening) valueSpec() (s shm.Spec, err error) {
	if !o.creates(2) {
		return s, o.paramErr()
	}
	size, initial, err := o.element()
	if err != nil {
		return s, err
	}
	if initial != nil && uint64(len(initial)) != size {
		return s, fmt.Errorf("%w: %d bytes to begin with, a %s has %d", errs.ErrType, len(initial), o.typ, size)
	}
	s.Payload = shm.CellPayload(size)
	s.Init = func(p []byte) { shm.InitRaw(shm.Value, size, p, initial) }
	return s, nil
}

// element reads the size of an element, which must be its type's, and what the object begins
// with: nil for zeros.
func (o *opening) element() (size uint64, initial []byte, err error) {
	said := o.params.Uint()
	if !o.params.Null() {
		initial = o.params.Bytes()
	}
	if err = o.paramErr(); err == nil {
		size, err = elementSize(o.typ)
	}
	switch {
	case err != nil:
	case said != size:
		err = fmt.Errorf("%w: a size of %d bytes, a %s has %d", errs.ErrType, said, o.typ, size)
	case size > uint64(itemLimit(o.sess)):
		err = fmt.Errorf("%w: a %s has %d bytes, which do not fit into a frame", errs.ErrTooLarge, o.typ, size)
	}
	return size, initial, err
}

func (v *value) load(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	return v.reply(c, 0, 1)
}

func (v *value) store(c *call) error {
	c.args.Args(1)
	b, err := v.element(&c.args)
	if err == nil {
		err = v.raw.Change(c.ctx, 0, func([]byte) []byte { return b })
	}
	if err != nil {
		return err
	}
	return c.null()
}

func (v *value) swap(c *call) error {
	c.args.Args(1)
	b, err := v.element(&c.args)
	before := len(c.dst)
	if err == nil {
		err = v.raw.Change(c.ctx, 0, func(cur []byte) []byte {
			c.dst = coord.AppendBytes(c.dst[:before], cur)
			return b
		})
	}
	return err
}

func (v *value) compareAndSwap(c *call) error {
	c.args.Args(2)
	old, err := v.element(&c.args)
	if err != nil {
		return err
	}
	b, err := v.element(&c.args)
	if err != nil {
		return err
	}
	swapped := false
	err = v.raw.Change(c.ctx, 0, func(cur []byte) []byte {
		if swapped = bytes.Equal(cur, old); swapped {
			return b
		}
		return nil
	})
	c.dst = coord.AppendBool(c.dst, swapped)
	return err
}

func (v *value) loadVersion(c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	dst, version := v.raw.AppendVersioned(coord.AppendBytesHead(coord.AppendArray(c.dst, 2), int(v.size)))
	c.dst = coord.AppendUint(dst, version)
	return nil
}

func (v *value) storeIf(c *call) error {
	c.args.Args(2)
	version := c.args.Uint()
	b, err := v.element(&c.args)
	if err != nil {
		return err
	}
	done, err := v.raw.ChangeIf(c.ctx, version, b)
	c.dst = coord.AppendBool(c.dst, done)
	return err
}

func (v *value) add(c *call) error {
	c.args.Args(2)
	return v.addAt(c, 0)
}
