package coord

import (
	"context"
	"fmt"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/naming"
)

// namespace is a set of attributes: a dict whose keys are text strings, and in
// which it is an error to read what is not there.
type namespace struct{ *dict }

func newNamespace(ctx context.Context, sess *Session, name, typ string, params []byte) (Object, error) {
	d, err := newDict(ctx, sess, name, typ, params)
	if err != nil {
		return nil, err
	}
	return &namespace{d.(*dict)}, nil
}

// Call runs a method; PROTOCOL.md describes each.
func (n *namespace) Call(ctx context.Context, sess *Session, method string, args, dst []byte) ([]byte, error) {
	r := Reader{rest: args}
	switch method {
	case "get", "set", "delete":
		r.Array()
		if name := r.Text(); r.err != nil {
			return dst, r.err
		} else if method == "get" {
			return n.get(name, dst)
		}
		return n.dict.Call(ctx, sess, method, args, dst)
	case "attrs":
		return n.attrs(dst, sess.FrameLimit())
	}
	return dst, NoMethod(KindNamespace, method)
}

// get is get [name] → value.
func (n *namespace) get(name string, dst []byte) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := n.entries[string(AppendText(nil, name))]
	switch {
	case n.closed:
		return dst, errs.ErrClosed
	case e == nil:
		return dst, fmt.Errorf("%w: the namespace has no attribute %s", errs.ErrNotFound, naming.Quote(name))
	}
	return append(dst, e.value...), nil
}

// attrs is attrs [] → {name: value, …}.
func (n *namespace) attrs(dst []byte, limit int) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return dst, errs.ErrClosed
	}
	dst = appendHead(dst, majorMap, uint64(len(n.entries)))
	for _, s := range n.order.slots {
		if s.e == nil {
			continue
		}
		if len(dst)+len(s.e.key)+len(s.e.value) > limit {
			return dst, tooLarge(limit)
		}
		dst = append(append(dst, s.e.key...), s.e.value...)
	}
	return dst, nil
}

// Stream starts nothing: attributes are few.
func (n *namespace) Stream(_ *Session, method string, _ []byte) (Stream, error) {
	return nil, NoMethod(KindNamespace, method)
}
