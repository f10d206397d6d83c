package coord

import (
	"errors"
	"io"
	"net"
	"slices"
	"syscall"
	"time"

	"github.com/carom-ipc/carom/internal/errs"
)

const (
	acceptBackoff    = 5 * time.Millisecond
	acceptBackoffMax = time.Second
)

// Serve accepts clients from l until the server stops, then returns nil. It
// may be called for several listeners at once, and closes each. Running out
// of descriptors does not end it.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.closed || s.draining.Load() {
		s.mu.Unlock()
		l.Close()
		return errs.ErrClosed
	}
	s.listeners[l] = true
	s.conns.Add(1)
	s.mu.Unlock()
	defer s.conns.Done()
	defer l.Close()

	backoff := acceptBackoff
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			backoff = acceptBackoff
			s.accepted.Add(1)
			if !s.turnAway(conn) {
				s.take(conn)
			}
		case s.draining.Load():
			return nil
		case exhausted(err):
			s.log.Warn("cannot accept", "error", err, "again in", backoff)
			s.mu.Lock()
			s.evict(1) // somebody who has not said who he is holds a descriptor
			s.mu.Unlock()
			if !s.pause(backoff) {
				return nil
			}
			backoff = min(2*backoff, acceptBackoffMax)
		default:
			return err
		}
	}
}

// turnAway refuses whoever may not even try the key, before that connection has a place among
// those that are not authenticated yet: anybody on the machine sees an abstract unix socket.
func (s *Server) turnAway(conn net.Conn) bool {
	peer, err := peerOf(conn)
	if err == nil {
		err = peer.allowed()
	}
	if err == nil {
		return false
	}
	s.refused.Add(1)
	s.log.Info("connection refused", "peer", conn.RemoteAddr(), "error", err)
	select {
	case s.turned <- struct{}{}:
		go func() {
			defer func() { <-s.turned }()
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(turnedTime))
			refuse(conn, err)
			io.Copy(io.Discard, io.LimitReader(conn, handshakeMax)) // so that it reads why, and not a reset
		}()
	default: // there are many, who need not all be told why
		conn.Close()
	}
	return true
}

const (
	mostTurned = 16 // connections that are being told why they are turned away
	turnedTime = time.Second
)

// exhausted tells a shortage, which passes, from a listener that is broken.
func exhausted(err error) bool {
	for _, shortage := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, shortage) {
			return true
		}
	}
	return false
}

func (s *Server) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

func (s *Server) closeListeners() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.listeners {
		l.Close()
	}
	clear(s.listeners)
}

// take begins to serve conn. A handshake takes a millisecond: where too many
// are under way, the oldest is the one that is not going to end.
func (s *Server) take(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return
	}
	s.evict(len(s.strangers) + 1 - s.limits.Handshakes)
	s.strangers = append(s.strangers, conn)
	s.conns.Add(1)
	go s.serve(conn)
}

// Attend serves conn, whose other end is in the coordinator's own process: for
// methods that call objects of the coordinator. It is also served while the
// server drains.
func (s *Server) Attend(conn net.Conn) {
	s.mu.Lock()
	s.inside[conn] = true
	s.mu.Unlock()
	s.take(conn)
}

// evict closes the n oldest connections that are not authenticated yet. s.mu
// is held.
func (s *Server) evict(n int) {
	n = max(0, min(n, len(s.strangers)))
	for _, conn := range s.strangers[:n] {
		conn.Close()
	}
	s.strangers = slices.Delete(s.strangers, 0, n)
}

func (s *Server) serve(conn net.Conn) {
	defer s.conns.Done()
	prepare(conn)
	c := &serverConn{srv: s, conn: conn, left: make(chan struct{})}
	err := c.handshake()
	s.mu.Lock()
	if i := slices.Index(s.strangers, conn); i >= 0 {
		s.strangers = slices.Delete(s.strangers, i, i+1)
	}
	delete(s.inside, conn)
	if err == nil {
		s.connected++
	}
	s.mu.Unlock()
	if err != nil {
		s.refused.Add(1)
		s.log.Info("connection refused", "peer", conn.RemoteAddr(), "error", err)
	} else {
		c.run()
		s.mu.Lock()
		s.connected--
		s.mu.Unlock()
	}
	c.depart()
}
