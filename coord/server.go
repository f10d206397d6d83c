package coord

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/carom-ipc/carom/internal/errs"
)

// Config is what a Server is made of. Only AuthKey is required.
type Config struct {
	AuthKey []byte            // the secret that clients must hold too
	Kinds   map[string]Kind   // beside dict, list and namespace, which are always there
	Openers map[string]Opener // kinds whose objects are not the coordinator's own
	Names   Names             // the directory of names; nil: one that the coordinator has for itself
	Codec   string            // how arguments and results of registered types are encoded: a client that says another is refused; "": any

	// Epoch tells clients one life of the coordinator from another: those that find a
	// different one than before know that its objects are new. A program whose
	// objects outlive the coordinator gives the same one again. 0: random.
	Epoch uint64

	// Welcome returns what a client is given together with the end of its
	// handshake: at most 1 MiB, and for a local peer at most 16 descriptors,
	// which stay open here and must be of regular or memory files. nil: nothing.
	Welcome func(Peer) (payload []byte, files []*os.File, err error)

	// Lane opens the lane that a local client has made. nil: frames stay on the socket.
	Lane func(ctx context.Context, name string) (Lane, error)

	// OnSession and OnSessionEnd are called as sessions come and go; they must
	// not wait. nil: not called.
	OnSession    func(*Session)
	OnSessionEnd func(*Session)

	Limits Limits
	Logger *slog.Logger // nil: discard
}

var errShutdown = fmt.Errorf("%w: it is shutting down", errs.ErrUnavailable)

// Server is a coordinator: it owns objects and serves them to its clients.
// All methods may be called concurrently.
type Server struct {
	cfg     Config
	authKey []byte
	limits  Limits
	log     *slog.Logger
	epoch   uint64
	objects *registry
	budget  Budget

	ctx    context.Context
	cancel context.CancelFunc
	conns  sync.WaitGroup

	mu        sync.Mutex
	listeners map[net.Listener]bool
	strangers []net.Conn        // not authenticated yet, the oldest first
	inside    map[net.Conn]bool // of them, those from Attend
	turned    chan struct{}     // a place for each connection that is being turned away
	sessions  map[[sessionSize]byte]*Session
	connected int // authenticated connections
	closed    bool

	draining atomic.Bool
	drain    chan struct{} // closed when draining is set
	inflight atomic.Int64
	idle     chan struct{} // signalled when nothing is in flight while draining

	calls, accepted, refused atomic.Uint64
}

// NewServer makes a coordinator that serves nobody yet. An empty AuthKey is
// refused with ErrAuth.
func NewServer(cfg Config) (*Server, error) {
	if len(cfg.AuthKey) == 0 {
		return nil, fmt.Errorf("%w: a coordinator needs an auth key", errs.ErrAuth)
	}
	kinds := map[string]Kind{
		KindDict: KindFunc(newDict), KindList: KindFunc(newList), KindNamespace: KindFunc(newNamespace),
	}
	maps.Copy(kinds, cfg.Kinds)
	s := &Server{
		cfg: cfg, authKey: append([]byte(nil), cfg.AuthKey...), limits: cfg.Limits.withDefaults(), log: cfg.Logger,
		listeners: map[net.Listener]bool{}, inside: map[net.Conn]bool{}, turned: make(chan struct{}, mostTurned),
		sessions: map[[sessionSize]byte]*Session{}, drain: make(chan struct{}), idle: make(chan struct{}, 1),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.epoch = cfg.Epoch
	for s.epoch == 0 {
		var epoch [8]byte
		rand.Read(epoch[:])
		s.epoch = binary.BigEndian.Uint64(epoch[:])
	}
	s.budget.limit = s.limits.Memory
	s.objects = newRegistry(kinds, cfg.Openers, cfg.Names, &s.budget)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Stats are counters since the start, and gauges.
type Stats struct {
	Calls    uint64 // requests answered, of any outcome
	Sessions int    // clients, connected or in their grace period
	Objects  int
	Bytes    int64  // held by dynamic objects
	Accepted uint64 // connections
	Refused  uint64 // connections that did not become a session
}

// Stats returns the current figures.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	sessions := len(s.sessions)
	s.mu.Unlock()
	return Stats{
		Calls: s.calls.Load(), Sessions: sessions, Objects: s.objects.count(), Bytes: s.budget.Used(),
		Accepted: s.accepted.Load(), Refused: s.refused.Load(),
	}
}

// Objects describes all objects, in the order of their names.
// Objects that live elsewhere are among them.
func (s *Server) Objects(ctx context.Context) ([]Info, error) { return s.objects.list(ctx) }

// Remove takes an object's name away at once. The object itself goes when no
// session has it open any more. ErrNotFound: there is none of that name.
func (s *Server) Remove(ctx context.Context, name string) error { return s.objects.remove(ctx, name) }

// Shutdown refuses new connections and requests, ends streams, and stops the
// server once the requests in flight have been answered, or ctx has ended: in
// that case it returns the context's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.beginDraining()
	s.closeListeners()
	for _, sess := range s.allSessions() {
		sess.endStreams()
		sess.endWaits()
	}
	err := s.quiesce(ctx)
	return errors.Join(err, s.Close())
}

// quiesce waits until nothing is in flight and all replies are written.
func (s *Server) quiesce(ctx context.Context) error {
	for s.inflight.Load() > 0 {
		select {
		case <-s.idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, sess := range s.allSessions() {
		if err := sess.out.drained(ctx, 0); err != nil {
			return err
		}
	}
	return nil
}

// beginDraining has sessions without a connection end: nobody can resume them
// any more.
func (s *Server) beginDraining() {
	if !s.draining.Swap(true) {
		close(s.drain)
	}
}

// Close stops the server now. It returns when all of its goroutines have.
func (s *Server) Close() error {
	s.beginDraining()
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	strangers := s.strangers
	s.strangers = nil
	s.mu.Unlock()
	s.closeListeners()
	s.cancel()
	for _, conn := range strangers {
		conn.Close()
	}
	for _, sess := range s.allSessions() {
		sess.disconnect()
	}
	s.conns.Wait()
	if first {
		s.objects.close()
	}
	return nil
}

func (s *Server) allSessions() []*Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Session, 0, len(s.sessions))
	for _, sess := range s.sessions {
		all = append(all, sess)
	}
	return all
}

// admit makes room for a session, or says why there is none.
func (s *Server) admit(sess *Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.draining.Load() && !sess.peer.Inside:
		return errShutdown
	case s.connected >= s.limits.Connections:
		return fmt.Errorf("%w: %d clients are connected, which is the limit", errs.ErrTooLarge, s.connected)
	case len(s.sessions) >= s.limits.Sessions:
		return fmt.Errorf("%w: there are %d sessions, which is the limit", errs.ErrTooLarge, len(s.sessions))
	}
	sess.ctx, sess.cancel = context.WithCancel(s.ctx)
	s.sessions[sess.id] = sess
	return nil
}

func (s *Server) dismiss(sess *Session) {
	s.mu.Lock()
	delete(s.sessions, sess.id)
	s.mu.Unlock()
}

// leave ends a request that was in flight.
func (s *Server) leave() {
	s.calls.Add(1)
	if s.inflight.Add(-1) == 0 && s.draining.Load() {
		select {
		case s.idle <- struct{}{}:
		default:
		}
	}
}

// panicked turns a recovered panic into the error that the client gets.
func (s *Server) panicked(kind, method string, p any) error {
	s.log.Error("panic in a method", "kind", kind, "method", method, "panic", p, "stack", string(debug.Stack()))
	return &errs.RemoteError{Type: kind, Method: method, Message: fmt.Sprintf("panic: %v", p)}
}
