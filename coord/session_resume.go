package coord

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/carom-ipc/carom/internal/errs"
)

// Sessions and connections
//
// At any time one goroutine is in charge of a session: that of the connection
// which it has, or had last. When the connection ends, the goroutine stays to
// wait for the end of the grace period, and for the client's death, and then
// ends the session; or until another connection, of a client that names the
// session in its hello, takes over.
//
// Who takes over closes the connection that is there and waits until its
// reader has finished with the request in hand. From then on it is settled
// which request was taken last. The welcome says so, and the client sends the
// later ones again; the replies that it does not have are sent again from the
// session's log. So every request is carried out exactly once. Calls that wait
// know nothing of all that.

// join gives c a session: the one that h asks for, or a new one.
func (s *Server) join(c *serverConn, h hello) (resumed bool, err error) {
	if s.draining.Load() && !c.peer.Inside {
		return false, errShutdown
	}
	if len(h.session) > 0 {
		if resumed, err = s.resume(c, h); resumed || err != nil {
			return resumed, err
		}
	}
	sess := &Session{
		srv: s, peer: c.peer, conn: c,
		handles: map[uint64]*object{}, refs: map[*object]int{}, running: map[uint64]runningCall{}, streams: map[uint64]*openStream{},
	}
	rand.Read(sess.id[:])
	if h.options.bool(optionResume) && s.limits.Grace > 0 {
		sess.out.log = newReplyLog(s.limits.Queue)
	}
	if err := s.admit(sess); err != nil {
		return false, err
	}
	c.sess = sess
	return false, nil
}

// resume makes c the connection of the session that h names, if that can be
// resumed. An error is a client's that must not go on.
func (s *Server) resume(c *serverConn, h hello) (bool, error) {
	s.mu.Lock()
	sess := s.sessions[[sessionSize]byte(h.session)]
	s.mu.Unlock()
	if sess == nil {
		return false, nil
	}
	received, _ := h.options.uint(optionReceived)
	attempt, _ := h.options.uint(optionAttempt)
	if _, err := sess.out.reaches(received); err != nil {
		return false, fmt.Errorf("%w: %w", errs.ErrUnavailable, err)
	}
	old, err := sess.claim(c, attempt)
	if errors.Is(err, errs.ErrClosed) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c.sess, c.received = sess, received
	if old != nil {
		old.conn.Close()
		<-old.left
	}
	if whole, _ := sess.out.reaches(received); !whole { // the client left too much unacknowledged
		c.sess = nil
		if sess.yield(c) && sess.expire() {
			sess.end()
		}
		return false, nil
	}
	return true, nil
}

// claim puts c in charge, and returns the connection that was, if there is one.
func (s *Session) claim(c *serverConn, attempt uint64) (old *serverConn, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended || s.out.log == nil:
		return nil, errs.ErrClosed
	case attempt <= s.attempt:
		return nil, fmt.Errorf("%w: attempt %d to resume the session comes after attempt %d", errs.ErrUnavailable, attempt, s.attempt)
	}
	old = s.conn
	s.conn, s.attempt = c, attempt
	if s.resumed != nil {
		close(s.resumed)
		s.resumed = nil
	}
	return old, nil
}

// depart ends c's part in its session. It returns when another connection has
// taken charge, or the session has ended.
func (c *serverConn) depart() {
	c.conn.Close()
	if c.t != nil {
		c.t.close()
		c.sess.out.detach(c.t)
	}
	inCharge := c.sess != nil && c.sess.yield(c)
	close(c.left)
	if inCharge && !c.linger() && c.sess.expire() {
		c.sess.end()
	}
	c.lifeline.close()
}

// yield leaves the session without a connection. It fails if c is not in
// charge any more.
func (s *Session) yield(c *serverConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != c {
		return false
	}
	s.conn, s.resumed = nil, make(chan struct{})
	return true
}

// linger waits for another connection, and reports whether one has come before
// the session's time was over.
func (c *serverConn) linger() bool {
	c.sess.mu.Lock()
	resumed := c.sess.resumed
	c.sess.mu.Unlock()
	switch {
	case resumed == nil:
		return true
	case c.final || c.sess.out.log == nil:
		return false
	}
	dead := make(chan struct{})
	stop := c.lifeline.watch(func() { close(dead) })
	defer stop()
	grace := time.NewTimer(c.srv.limits.Grace)
	defer grace.Stop()
	select {
	case <-resumed:
		return true
	case <-grace.C:
	case <-dead:
	case <-c.srv.drain:
	}
	return false
}

// expire makes sure that nobody resumes the session any more. It fails if
// somebody has.
func (s *Session) expire() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		return false
	}
	s.ended = true
	return true
}
