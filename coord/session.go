package coord

import (
	"context"
	"fmt"
	"sync"

	"github.com/carom-ipc/carom/internal/errs"
)

// Session is a client as the coordinator sees it. It owns references to
// objects, open streams and running calls, all of which end with it. It may
// outlive its connection and go on with another: see session_resume.go.
type Session struct {
	srv    *Server
	id     [sessionSize]byte
	peer   Peer
	ctx    context.Context
	cancel context.CancelFunc
	out    outlet

	// Of the requests that the session has made, the last that was taken. It
	// belongs to the connection that is in charge.
	taken     uint64
	announced bool // OnSession knows of it

	mu      sync.Mutex
	handles map[uint64]*object     // that it has open; an object may be open more than once
	refs    map[*object]int        // how often
	running map[uint64]runningCall // by request id
	streams map[uint64]*openStream // by stream id
	lastID  uint64                 // of streams
	onEnd   []func()
	ended   bool           // takes nothing new
	over    bool           // nothing of it runs
	conn    *serverConn    // in charge; nil while there is none
	attempt uint64         // the last to resume the session
	resumed chan struct{}  // closed when a connection takes charge again; nil while one is
	calls   sync.WaitGroup // running, and about to
}

// runningCall is a call in a goroutine of its own.
type runningCall struct {
	cancel context.CancelCauseFunc
	handle uint64 // that it was made by; 0 for none
	waits  bool   // for what others do
}

// errReleased is what the calls of a handle answer that were waiting when it was released.
var errReleased = fmt.Errorf("%w: the handle was released", errs.ErrClosed)

// ID is random, and never used again.
func (s *Session) ID() [16]byte { return s.id }

// Peer is who is at the other end.
func (s *Session) Peer() Peer { return s.peer }

// Context ends with the session.
func (s *Session) Context() context.Context { return s.ctx }

// Budget is what the session's objects have to share with all others.
func (s *Session) Budget() *Budget { return &s.srv.budget }

// FrameLimit is the size that no reply can exceed. A method that collects much
// stops there, with ErrTooLarge, rather than build what cannot be sent.
func (s *Session) FrameLimit() int { return s.srv.limits.Frame }

// CheckResult looks at a result that code beyond the coordinator encoded: clients give up
// a connection over a reply that is no CBOR item, or is nested more deeply than they were
// told. ErrTooLarge: it is.
func (s *Session) CheckResult(item []byte) error {
	n, err := itemSize(item, s.srv.limits.Depth)
	if err == nil && n != len(item) {
		err = errMalformed
	}
	if err != nil {
		return fmt.Errorf("the result: %w", err)
	}
	return nil
}

// OnEnd arranges for f to be called when the session has ended and none of its
// calls runs any more; at once, if that is so.
func (s *Session) OnEnd(f func()) {
	s.mu.Lock()
	if !s.over {
		s.onEnd = append(s.onEnd, f)
		f = nil
	}
	s.mu.Unlock()
	if f != nil {
		f()
	}
}

// lookup returns an object that the session has open, nil for any other id.
func (s *Session) lookup(id uint64) *object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handles[id]
}

// attach gives the session a handle of o, on which the caller holds a reference that becomes
// the session's.
func (s *Session) attach(o *object) (handle uint64, err error) {
	s.mu.Lock()
	spare := s.ended
	if s.ended {
		err = errs.ErrClosed
	} else {
		handle = s.srv.objects.lastHandle.Add(1)
		s.handles[handle] = o
		s.refs[o]++
		spare = s.refs[o] > 1 // one reference a session is enough
	}
	s.mu.Unlock()
	if spare {
		s.srv.objects.unref(o)
	}
	return handle, err
}

// Adopt makes obj an object of the coordinator, of a name that it makes up.
// The session has it open, as by Open: release takes that back. The object can
// be opened by its name until nobody has it open any more; then it is closed,
// and its name goes too.
func (s *Session) Adopt(kind, typ string, obj Object) (name string, handle uint64, err error) {
	o, err := s.srv.objects.adopt(s.ctx, kind, typ, obj)
	if err != nil {
		obj.Close()
		return "", 0, err
	}
	handle, err = s.attach(o)
	return o.name, handle, err
}

// Share opens for the session an object that is there already, as Open does.
// ErrNotFound: the name is not, or no longer, that of an object of the kind that is
// accepts.
func (s *Session) Share(kind, name string, is func(Object) bool) (handle uint64, err error) {
	o, err := s.srv.objects.share(s.ctx, kind, name, is)
	if err != nil {
		return 0, err
	}
	return s.attach(o)
}

// release takes a handle back. Its calls that wait end with ErrClosed, and its streams end.
func (s *Session) release(handle uint64) error {
	s.mu.Lock()
	o := s.handles[handle]
	if o == nil {
		s.mu.Unlock()
		return errNoHandle(handle)
	}
	delete(s.handles, handle)
	s.refs[o]--
	last := s.refs[o] == 0
	if last {
		delete(s.refs, o)
	}
	for _, r := range s.running {
		if r.handle == handle {
			r.cancel(errReleased)
		}
	}
	var streams []*openStream
	for id, st := range s.streams {
		if st.handle == handle {
			streams = append(streams, st)
			delete(s.streams, id)
		}
	}
	s.mu.Unlock()
	for _, st := range streams {
		st.close()
	}
	if last {
		s.srv.objects.unref(o)
	}
	return nil
}

// begin registers a blocking call, so that a cancel request finds it.
func (s *Session) begin(id, handle uint64, waits bool) (context.Context, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, errs.ErrClosed
	}
	if len(s.running) >= s.srv.limits.Blocking {
		return nil, fmt.Errorf("%w: %d calls of the session are blocked, which is the limit", errs.ErrTooLarge, len(s.running))
	}
	ctx, cancel := context.WithCancelCause(s.ctx)
	s.running[id] = runningCall{cancel, handle, waits}
	s.calls.Add(1)
	if waits && s.srv.draining.Load() {
		cancel(errShutdown)
	}
	return ctx, nil
}

// finish says that a call is about to be answered, or has gone: it counts no more. It may be
// called twice.
func (s *Session) finish(id uint64) {
	s.mu.Lock()
	r := s.running[id]
	delete(s.running, id)
	s.mu.Unlock()
	if r.cancel != nil {
		r.cancel(nil)
	}
}

func (s *Session) cancelCall(id uint64) {
	s.mu.Lock()
	r := s.running[id]
	s.mu.Unlock()
	if r.cancel != nil {
		r.cancel(nil)
	}
}

// endWaits gives up the calls that wait for what nobody can do any more.
func (s *Session) endWaits() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.running {
		if r.waits {
			r.cancel(errShutdown)
		}
	}
}

// end lets go of all that the session has.
func (s *Session) end() {
	s.mu.Lock()
	s.ended = true
	refs, streams := s.refs, s.streams
	s.handles, s.refs, s.streams = nil, nil, nil
	s.mu.Unlock()
	s.cancel()
	for _, st := range streams {
		st.close()
	}
	s.calls.Wait()
	for o := range refs {
		s.srv.objects.unref(o)
	}
	s.mu.Lock()
	onEnd := s.onEnd
	s.onEnd, s.over = nil, true
	s.mu.Unlock()
	for _, f := range onEnd {
		f()
	}
	s.srv.dismiss(s)
	if s.announced && s.srv.cfg.OnSessionEnd != nil {
		s.srv.cfg.OnSessionEnd(s)
	}
}

// announce has the application know of the session.
func (s *Session) announce() {
	s.announced = true
	if s.srv.cfg.OnSession != nil {
		s.srv.cfg.OnSession(s)
	}
}

// disconnect ends the connection that the session has.
func (s *Session) disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.conn.Close()
	}
}

func errNoHandle(id uint64) error {
	return fmt.Errorf("%w: no object has the handle %d in this session", errs.ErrNotFound, id)
}
