package coord

import (
	"context"
	"fmt"

	"github.com/carom-ipc/carom/internal/errs"
)

// builtin answers a request to the coordinator itself.
func (c *serverConn) builtin(q request, method string) {
	switch method {
	case "open": // the directory and the kind may both have it wait
		c.spawn(q, 0, "", method, false, c.open)
		return
	case "remove":
		c.spawn(q, 0, "", method, false, c.remove)
		return
	case "next":
		c.requestNext(q)
		return
	}
	out, err := c.answer(method, NewReader(q.args), c.begin(q.id))
	c.finish(q.id, "", method, out, err)
}

// answer serves the methods that never wait.
func (c *serverConn) answer(method string, r *Reader, dst []byte) ([]byte, error) {
	switch method {
	case "ping", "ack": // what an ack has to say is in the envelope
		return AppendNull(dst), nil
	case "bye":
		c.final = true
		return AppendNull(dst), nil
	case "stats":
		return appendStats(dst, c.srv.Stats()), nil
	case "stream":
		return c.startStream(r, dst)
	}
	r.Args(1)
	var err error
	switch method {
	case "cancel":
		c.sess.cancelCall(r.Uint())
	case "end":
		c.sess.closeStream(r.Uint())
	case "release":
		if id := r.Uint(); r.Err() == nil {
			err = c.sess.release(id)
		}
	case "methods":
		return c.sess.appendMethods(dst, r.Uint())
	default:
		return dst, NoMethod("coordinator", method)
	}
	if err == nil {
		err = r.Err()
	}
	return AppendNull(dst), err
}

// appendMethods answers which methods an object has, if its kind can tell.
func (s *Session) appendMethods(dst []byte, id uint64) ([]byte, error) {
	o := s.lookup(id)
	if o == nil {
		return dst, errNoHandle(id)
	}
	l, ok := o.obj.(Lister)
	if !ok {
		return dst, fmt.Errorf("%w: what methods a %s has is in PROTOCOL.md", errs.ErrNotFound, o.kind)
	}
	methods := l.Methods()
	dst = AppendArray(dst, len(methods))
	for _, m := range methods {
		dst = AppendText(dst, m)
	}
	return dst, nil
}

func (c *serverConn) remove(ctx context.Context, args, dst []byte) ([]byte, error) {
	r := NewReader(args)
	r.Args(1)
	name := r.Text()
	err := r.Err()
	if err == nil {
		err = c.srv.Remove(ctx, name)
	}
	return AppendNull(dst), err
}

// open serves [kind, name, type, parameters, mode] → [handle, created, type, details, identity].
func (c *serverConn) open(ctx context.Context, args, dst []byte) ([]byte, error) {
	r := NewReader(args)
	r.Args(5)
	w := wanted{kind: r.Text(), name: r.Text(), typ: r.Text()}
	if !r.Null() {
		w.params = r.Raw()
	}
	mode := r.Uint()
	if err := r.Err(); err != nil {
		return dst, err
	}
	if mode > uint64(Exclusive) {
		return dst, fmt.Errorf("%w: %d is not a mode of opening", errs.ErrType, mode)
	}
	w.mode = Mode(mode)
	o, created, err := c.srv.objects.open(ctx, c.sess, w)
	if err != nil {
		return dst, err
	}
	handle, err := c.sess.attach(o)
	if err != nil {
		return dst, err
	}
	dst = AppendUint(AppendArray(dst, 5), handle)
	dst = AppendText(AppendBool(dst, created), o.typ)
	if o.details == nil {
		dst = AppendNull(dst)
	} else {
		dst = append(dst, o.details...)
	}
	return AppendBytes(dst, []byte(o.identity)), nil
}

// startStream serves [handle, method, arguments] → [stream, more, batch]. The
// batch is null where waiting for one might take time.
func (c *serverConn) startStream(r *Reader, dst []byte) ([]byte, error) {
	r.Args(3)
	st := &openStream{}
	id := r.Uint()
	st.method = r.Text()
	args := r.Raw()
	if err := r.Err(); err != nil {
		return dst, err
	}
	if err := c.fillStream(st, id, args); err != nil {
		return dst, err
	}
	sid, err := c.sess.keepStream(st)
	if err != nil {
		st.close()
		return dst, err
	}
	dst = AppendUint(AppendArray(dst, 3), sid)
	if st.blocks {
		return AppendNull(AppendBool(dst, true)), nil
	}
	return c.sess.pull(c.sess.ctx, sid, st, dst)
}

// fillStream asks the object for its stream; the coordinator's own is the
// list of objects.
func (c *serverConn) fillStream(st *openStream, id uint64, args []byte) (err error) {
	if id == serverObject {
		if st.method != "objects" {
			return NoMethod("coordinator", st.method)
		}
		st.blocks = true // some are listed elsewhere
		st.stream = &objectStream{srv: c.srv, listStream: listStream[Info]{add: appendInfo, width: 1, batch: c.sess.Batch()}}
		return nil
	}
	st.obj, st.handle = c.sess.lookup(id), id
	if st.obj == nil {
		return errNoHandle(id)
	}
	streamer, ok := st.obj.obj.(Streamer)
	if !ok {
		return NoMethod(st.obj.kind, st.method)
	}
	defer func() {
		if p := recover(); p != nil {
			err = c.srv.panicked(st.obj.kind, st.method, p)
		}
	}()
	st.blocks = st.obj.blocks(st.method)
	st.stream, err = streamer.Stream(c.sess, st.method, args)
	return err
}

// requestNext serves [stream] → [more, batch].
func (c *serverConn) requestNext(q request) {
	const method = "next"
	r := NewReader(q.args)
	r.Args(1)
	id := r.Uint()
	err := r.Err()
	if err != nil {
		c.fail(q.id, "", method, err)
		return
	}
	st, err := c.sess.stream(id)
	if err != nil {
		c.fail(q.id, "", method, err)
		return
	}
	pull := func(ctx context.Context, _, dst []byte) ([]byte, error) {
		return c.sess.pull(ctx, id, st, AppendArray(dst, 2))
	}
	if st.blocks {
		c.spawn(q, st.handle, "", method, false, pull)
		return
	}
	out, err := pull(c.sess.ctx, nil, c.begin(q.id))
	c.finish(q.id, "", method, out, err)
}

// objectStream is the list of all objects, made when it is first asked for.
type objectStream struct {
	srv    *Server
	listed bool
	listStream[Info]
}

func (o *objectStream) Next(ctx context.Context, dst []byte) ([]byte, bool, error) {
	if !o.listed {
		items, err := o.srv.Objects(ctx)
		if err != nil {
			return dst, false, err
		}
		o.items, o.listed = items, true
	}
	return o.listStream.Next(ctx, dst)
}

func appendInfo(dst []byte, i Info) []byte {
	dst = AppendArray(dst, 7)
	dst = AppendText(dst, i.Name)
	dst = AppendText(dst, i.Kind)
	dst = AppendText(dst, i.Type)
	dst = AppendInt(dst, int64(i.Len))
	dst = AppendInt(dst, i.Size)
	dst = AppendInt(dst, int64(i.Sessions))
	return AppendBytes(dst, []byte(i.ID))
}

func appendStats(dst []byte, s Stats) []byte {
	dst = AppendArray(dst, 6)
	dst = AppendUint(dst, s.Calls)
	dst = AppendInt(dst, int64(s.Sessions))
	dst = AppendInt(dst, int64(s.Objects))
	dst = AppendInt(dst, s.Bytes)
	dst = AppendUint(dst, s.Accepted)
	return AppendUint(dst, s.Refused)
}
