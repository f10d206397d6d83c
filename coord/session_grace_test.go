package coord

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// ends is a config that reports the ends of sessions.
func ends(cfg Config) (Config, chan *Session) {
	ended := make(chan *Session, 1000)
	cfg.OnSessionEnd = func(s *Session) { ended <- s }
	return cfg, ended
}

func TestGraceIsOver(t *testing.T) {
	g := newGate()
	cfg, ended := ends(Config{Kinds: g.kind(), Limits: Limits{Grace: 20 * time.Millisecond}})
	s, path := serveTest(t, cfg)
	var way gateway
	p := startProxy(t, path, way.plan)
	c := dialTest(t, p.addr())
	id, d := open(t, c, "gate", "g"), open(t, c, KindDict, "d")
	ctx := testContext(t)
	_, identity, _, err := c.OpenDetails(ctx, KindDict, "d", "", nil, Attach)
	require.NoError(t, err)
	watch, err := c.Stream(ctx, d, "watch", args())
	require.NoError(t, err)
	require.NoError(t, s.Remove(ctx, "g"))
	waiting := make(chan error, 1)
	go func() {
		_, err := c.Call(ctx, id, "wait", args(), nil)
		waiting <- err
	}()
	<-g.entered
	way.shut.Store(true)
	p.cutAll()
	<-ended // by itself
	<-g.left
	require.True(t, g.closed.Load(), "its references are gone")

	stale := make(chan error, 1)
	awaitLoss(t, c)
	go func() { // made while there is no connection, with a handle of the old session
		_, err := c.Call(ctx, d, "get", args("k"), nil)
		stale <- err
	}()
	for len(inFlight(c)) < 2 {
		runtime.Gosched()
	}
	way.shut.Store(false)
	err = <-waiting
	require.ErrorIs(t, err, ErrLost)
	require.ErrorContains(t, err, "may have been carried out")
	require.ErrorIs(t, <-stale, ErrStale)
	require.NoError(t, c.Ping(ctx))
	require.EqualValues(t, 2, c.Generation())
	_, err = watch.Next(ctx)
	require.ErrorIs(t, err, ErrStale)
	watch.Close()
	_, err = c.Do(ctx, Request{Handle: d, Method: "len", Args: args(), Session: 1}, nil)
	require.ErrorIs(t, err, ErrStale)
	require.ErrorIs(t, c.ReleaseIn(ctx, 1, d), ErrStale)
	_, now, _, err := c.OpenDetails(ctx, KindDict, "d", "", nil, Attach)
	require.NoError(t, err)
	require.Equal(t, identity, now, "the object is still there")
}

func inFlight(c *Client) []uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []uint64
	for id := range c.calls {
		ids = append(ids, id)
	}
	return ids
}

func TestNoGrace(t *testing.T) {
	cfg, ended := ends(Config{Limits: Limits{Grace: -1}})
	_, path := serveTest(t, cfg)
	p := startProxy(t, path, faultless())
	c := dialTest(t, p.addr())
	p.cutAll()
	<-ended
	for c.Generation() == 1 {
		runtime.Gosched()
	}
	require.NoError(t, c.Ping(testContext(t)))
}

// long is a grace period that no test waits for.
const long = time.Hour

func TestCloseNeedsNoGrace(t *testing.T) {
	cfg, ended := ends(Config{Limits: Limits{Grace: long}})
	s, path := serveTest(t, cfg)
	c := dialTest(t, path)
	require.NoError(t, c.Close())
	<-ended
	require.Zero(t, s.Stats().Sessions)
}

// A client that does not ask for it has a session that ends with its connection.
func TestSimpleClient(t *testing.T) {
	cfg, ended := ends(Config{Limits: Limits{Grace: long}})
	_, path := serveTest(t, cfg)
	i := intrude(t, path)
	require.NoError(t, i.Close())
	<-ended
}

func TestServerStopsWithSessionsInGrace(t *testing.T) {
	for _, stop := range []func(*Server) error{
		func(s *Server) error { return s.Shutdown(context.Background()) },
		(*Server).Close,
	} {
		g := newGate()
		cfg, ended := ends(Config{Kinds: g.kind(), Limits: Limits{Grace: long}})
		s, path := serveTest(t, cfg)
		var way gateway
		p := startProxy(t, path, way.plan)
		c := dialTest(t, p.addr())
		id := open(t, c, "gate", "g")
		go c.Call(testContext(t), id, "wait", args(), nil)
		<-g.entered
		way.shut.Store(true)
		p.cutAll()
		require.NoError(t, stop(s))
		<-ended
		<-g.left
		require.NoError(t, c.Close())
	}
}

func TestLimitOfSessions(t *testing.T) {
	_, path := serveTest(t, Config{Limits: Limits{Grace: long, Sessions: 2}})
	var way gateway
	p := startProxy(t, path, way.plan)
	first, second := dialTest(t, p.addr()), dialTest(t, p.addr())
	way.shut.Store(true)
	p.cutAll()
	awaitLoss(t, first)
	_, err := Dial(testContext(t), "unix", path, DialConfig{AuthKey: testKey})
	require.ErrorIs(t, err, errs.ErrTooLarge)
	require.ErrorContains(t, err, "2 sessions")
	way.shut.Store(false)
	require.NoError(t, first.Ping(testContext(t)))
	require.NoError(t, second.Ping(testContext(t)))
	require.NoError(t, second.Close())
}

// serveAt is serveTest at a given address.
func serveAt(t *testing.T, path string) (s *Server, stop func()) {
	t.Helper()
	s, err := NewServer(Config{AuthKey: testKey})
	require.NoError(t, err)
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	return s, func() {
		require.NoError(t, s.Close())
		require.NoError(t, <-served)
	}
}

func TestRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	_, stop := serveAt(t, path)
	c := dialTest(t, path)
	d := open(t, c, KindDict, "d")
	epoch := c.Epoch()
	stop()

	ctx, cancel := context.WithTimeout(testContext(t), 30*time.Millisecond)
	defer cancel()
	_, err := c.Call(ctx, d, "len", args(), nil)
	require.ErrorIs(t, err, errs.ErrUnavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	calls := make(chan error, 2)
	awaitLoss(t, c)
	go func() { calls <- c.Ping(testContext(t)) }() // of no session
	for len(inFlight(c)) < 1 {
		runtime.Gosched()
	}
	_, stop = serveAt(t, path)
	defer stop()
	require.NoError(t, <-calls, "calls wait for a coordinator")
	require.EqualValues(t, 2, c.Generation())
	require.NotEqual(t, epoch, c.Epoch())
	_, err = c.Call(testContext(t), d, "len", args(), nil)
	require.ErrorIs(t, err, errs.ErrNotFound)
	require.NotEqual(t, d, open(t, c, KindDict, "d"))
	require.NoError(t, c.Close())
}

func TestCloseWhileThereIsNoConnection(t *testing.T) {
	g := newGate()
	_, path := serveTest(t, Config{Kinds: g.kind()})
	var way gateway
	p := startProxy(t, path, way.plan)
	c := dialTest(t, p.addr())
	id := open(t, c, "gate", "g")
	calls := make(chan error, 2)
	go func() {
		_, err := c.Call(context.Background(), id, "wait", args(), nil)
		calls <- err
	}()
	<-g.entered
	way.shut.Store(true)
	p.cutAll()
	awaitLoss(t, c)
	go func() { calls <- c.Ping(context.Background()) }()
	for len(inFlight(c)) < 2 {
		runtime.Gosched()
	}
	require.NoError(t, c.Close())
	require.ErrorIs(t, <-calls, errs.ErrClosed)
	require.ErrorIs(t, <-calls, errs.ErrClosed)
	<-c.Done()
}

// A coordinator that does not accept the client any more is no reason to go on.
func TestKeyChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	_, stop := serveAt(t, path)
	c := dialTest(t, path)
	stop()
	s, err := NewServer(Config{AuthKey: []byte("another key")})
	require.NoError(t, err)
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	<-c.Done()
	err = c.Ping(testContext(t))
	require.ErrorIs(t, err, errs.ErrAuth)
	require.ErrorIs(t, err, errs.ErrUnavailable)
	require.NoError(t, s.Close())
	require.NoError(t, <-served)
}

// A connection that brings nothing any more is found out, by a call without a
// deadline.
func TestSilence(t *testing.T) {
	_, path := serveTest(t, Config{})
	for name, f := range map[string]fault{
		"up":   {up: &tap{after: 400, what: swallow}},
		"down": {down: &tap{after: 400, what: swallow}},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, path, faultless(f))
			c := dialWith(t, p.addr(), DialConfig{Silence: 20 * time.Millisecond})
			d := open(t, c, KindDict, name)
			for i := range 50 {
				out, err := c.Call(context.Background(), d, "add", args("k", 1, "int"), nil)
				require.NoError(t, err)
				require.EqualValues(t, i+1, NewReader(out).Int())
			}
			require.EqualValues(t, 1, c.Generation())
			require.Greater(t, p.connections(), 1)
		})
	}
}

// A call that waits for long is no silence.
func TestLongWaitIsNotSilence(t *testing.T) {
	pl := newPool()
	_, path := serveTest(t, Config{Kinds: pl.kind()})
	p := startProxy(t, path, faultless())
	c, _, _, result := blocked(t, pl, p.addr(), DialConfig{Silence: 300 * time.Millisecond}, Request{})
	before := p.down.Load()
	for p.down.Load() < before+16 { // two pings are answered
		time.Sleep(time.Millisecond)
	}
	require.Equal(t, 1, p.connections())
	pl.items <- 7
	require.NoError(t, <-result)
	require.NoError(t, c.Ping(testContext(t)))
}

// What was on its way in a connection that was given up comes too late.
func TestDelayedConnection(t *testing.T) {
	s, path := serveTest(t, Config{Limits: Limits{Grace: long}})
	for name, after := range map[string]int{"requests": 400, "the proof": 110} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			held := fault{up: &tap{after: after, what: hold, open: release}}
			faults := []fault{held}
			if name == "the proof" { // of the connection that is to resume the session
				faults = []fault{{up: cutAfter(400)}, held}
			}
			p := startProxy(t, path, faultless(faults...))
			c := dialWith(t, p.addr(), DialConfig{Silence: 20 * time.Millisecond, Timeout: 100 * time.Millisecond})
			d := open(t, c, KindDict, name)
			add := func(from, to int) {
				for i := from; i < to; i++ {
					require.Equal(t, fmt.Sprint(i+1), invoke(t, c, d, "add", "k", 1, "int"))
				}
			}
			add(0, 50)
			refused := s.Stats().Refused
			close(release)
			for name == "the proof" && s.Stats().Refused == refused {
				runtime.Gosched()
			}
			add(50, 500)
			require.EqualValues(t, 1, c.Generation())
		})
	}
}

// resumeAs is a hello for somebody's session, as PROTOCOL.md has it.
func resumeAs(t *testing.T, path string, session [16]byte, received, attempt uint64) (w welcome, in *frameReader, conn net.Conn, err error) {
	t.Helper()
	conn, err = net.Dial("unix", path)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	h := hello{version: protocolVersion, nonce: newNonce(), session: session[:], options: handshakeOptions{}}
	h.options.setBool(optionResume, true)
	h.options.setUint(optionReceived, received)
	h.options.setUint(optionAttempt, attempt)
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	w, in, _, err = greet(conn, testKey, h)
	return w, in, conn, err
}

func TestResumeIsChecked(t *testing.T) {
	cfg, ended := ends(Config{Limits: Limits{Grace: long}})
	s, path := serveTest(t, cfg)
	var way gateway
	p := startProxy(t, path, way.plan)
	c := dialTest(t, p.addr())
	for range 3 {
		require.NoError(t, c.Ping(testContext(t)))
	}
	id := c.Session()
	way.shut.Store(true) // so that c does not interfere

	_, _, _, err := resumeAs(t, path, id, 4, 10)
	require.ErrorIs(t, err, errs.ErrUnavailable)
	require.ErrorContains(t, err, "4 replies acknowledged, 3 were sent")
	require.NoError(t, c.Ping(testContext(t)), "which hurts nobody")

	w, _, conn, err := resumeAs(t, path, [16]byte{1}, 0, 1)
	require.NoError(t, err)
	require.False(t, w.resumed, "there is no such session")
	conn.Close()

	// Who holds the key and knows the id is the client.
	w, in, _, err := resumeAs(t, path, id, 2, 10)
	require.NoError(t, err)
	require.True(t, w.resumed)
	taken, ok := w.options.uint(optionTaken)
	require.True(t, ok)
	require.EqualValues(t, 4, taken)
	grace, ok := w.options.uint(optionGrace)
	require.True(t, ok)
	require.EqualValues(t, long.Milliseconds(), grace)
	for _, want := range []uint64{3, 4} {
		body, err := in.next()
		require.NoError(t, err)
		p, err := parseReply(body, 4)
		require.NoError(t, err)
		require.Equal(t, want, p.id)
		require.EqualValues(t, flagDuplicate, p.flags)
	}
	for _, attempt := range []uint64{10, 9} {
		_, _, _, err := resumeAs(t, path, id, 2, attempt)
		require.ErrorIs(t, err, errs.ErrUnavailable)
		require.ErrorContains(t, err, "comes after attempt 10")
	}

	// Replies that the client has acknowledged are not there any more.
	w, in, _, err = resumeAs(t, path, id, 4, 11)
	require.NoError(t, err)
	require.True(t, w.resumed)
	w, _, conn, err = resumeAs(t, path, id, 1, 12)
	require.NoError(t, err)
	require.False(t, w.resumed)
	require.NotEqual(t, id[:], w.session)
	for sess := range ended {
		if sess.ID() == id {
			break
		}
	}
	conn.Close()
	_, err = in.next()
	require.Error(t, err)
	require.NoError(t, c.Close())
	require.NoError(t, s.Close())
}

func TestAcknowledgingTooMuch(t *testing.T) {
	cfg, ended := ends(Config{Limits: Limits{Grace: long}})
	_, path := serveTest(t, cfg)
	w, _, conn, err := resumeAs(t, path, [16]byte{}, 0, 0)
	require.NoError(t, err)
	require.False(t, w.resumed)
	ping := appendRequest(nil, 1, 0, "ping", args())
	_, err = conn.Write(frames(string(ping), string(appendReceived(appendRequest(nil, 0, 0, "ack", args()), 0, 2))))
	require.NoError(t, err)
	intruder{Conn: conn}.isDropped(t)
	<-ended // who breaks the protocol does not come back
}

// A client that does not acknowledge cannot resume for ever, and costs a bounded
// amount of memory.
func TestNothingAcknowledged(t *testing.T) {
	_, path := serveTest(t, Config{Limits: Limits{Grace: long, Queue: 64 << 10}})
	w, in, conn, err := resumeAs(t, path, [16]byte{}, 0, 0)
	require.NoError(t, err)
	id := [16]byte(w.session)
	ask := func(n uint64, method string, a ...any) []byte {
		_, err := conn.Write(frames(string(appendRequest(nil, n, 0, method, args(a...)))))
		require.NoError(t, err)
		body, err := in.next()
		require.NoError(t, err)
		return body
	}
	n, bytes := uint64(0), 0
	for bytes < 256<<10 {
		n++
		bytes += len(ask(n, "stats"))
	}
	w, _, _, err = resumeAs(t, path, id, n-2, 1)
	require.NoError(t, err)
	require.True(t, w.resumed)
	w, _, _, err = resumeAs(t, path, id, n-1, 2)
	require.NoError(t, err)
	require.True(t, w.resumed)
	w, _, _, err = resumeAs(t, path, id, 5, 3)
	require.NoError(t, err)
	require.False(t, w.resumed)
}
