package coord

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// intruder is an authenticated connection that sends what it likes.
type intruder struct {
	net.Conn
	in *frameReader
}

func intrude(t testing.TB, path string) intruder {
	t.Helper()
	conn, err := net.Dial("unix", path)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, in, _, err := greet(conn, testKey, hello{version: protocolVersion, nonce: newNonce()})
	require.NoError(t, err)
	return intruder{conn, in}
}

// isDropped reads until the connection ends.
func (i intruder) isDropped(t *testing.T) {
	t.Helper()
	_, err := io.Copy(io.Discard, i.Conn)
	require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "still connected")
}

func TestAuthKeys(t *testing.T) {
	_, path := serveTest(t, Config{})
	for _, key := range []string{"another key", "", string(testKey) + "x"} {
		_, err := Dial(testContext(t), "unix", path, DialConfig{AuthKey: []byte(key)})
		require.ErrorIs(t, err, errs.ErrAuth)
		require.ErrorContains(t, err, "auth key is not the coordinator's")
	}
	_, err := NewServer(Config{})
	require.ErrorIs(t, err, errs.ErrAuth)
}

// A server that does not hold the key is found out, even if it takes any proof.
func TestImpostor(t *testing.T) {
	s, err := NewServer(Config{AuthKey: []byte("not the key")})
	require.NoError(t, err)
	ours, theirs := socketPair(t)
	done := make(chan error, 1)
	go func() {
		_, _, _, err := greet(ours, testKey, hello{version: protocolVersion, nonce: newNonce()})
		done <- err
	}()
	in := newFrameReader(theirs, handshakeMax)
	_, err = in.next()
	require.NoError(t, err)
	nonce := newNonce()
	require.NoError(t, writeHandshake(theirs, appendChallenge(nil, challenge{protocolVersion, nonce})))
	body, err := in.next()
	require.NoError(t, err)
	mac, err := parseProof(body)
	require.NoError(t, err)
	// The client's own proof, sent back, is no proof of the server's.
	w := welcome{mac: mac, session: make([]byte, sessionSize), frame: 1 << 20, depth: 9}
	require.NoError(t, s.welcome(theirs, Peer{}, w))
	require.ErrorIs(t, <-done, errs.ErrAuth)
	ours.Close()
	theirs.Close()
}

func TestPeers(t *testing.T) {
	require.NoError(t, Peer{Local: true, UID: os.Geteuid()}.allowed())
	require.NoError(t, Peer{Local: true, UID: 0}.allowed())
	require.ErrorIs(t, Peer{Local: true, UID: os.Geteuid() + 1}.allowed(), errs.ErrAuth)
	require.NoError(t, Peer{}.allowed())

	peers := make(chan Peer, 1)
	_, path := serveTest(t, Config{OnSession: func(s *Session) { peers <- s.Peer() }})
	dialTest(t, path)
	got := <-peers
	require.Equal(t, os.Getpid(), got.PID)
	require.True(t, got.Local)
}

func TestGarbage(t *testing.T) {
	_, path := serveTest(t, Config{})
	good := dialTest(t, path)
	request := func(b []byte) []byte { return frames(string(b)) }
	for name, b := range map[string][]byte{
		"garbage":            request([]byte("\xff\x00garbage")),
		"not an array":       request(args("x")[1:]),
		"empty frame":        frames(""),
		"length of 4 GiB":    {0xff, 0xff, 0xff, 0xff, 0x80},
		"arguments no array": request(appendRequest(nil, 1, 0, "ping", []byte{0})),
		"trailing bytes":     request(append(appendRequest(nil, 1, 0, "ping", args()), 0)),
		"indefinite length":  request(appendRequest(nil, 1, 0, "ping", []byte{0x9f, 0xff})),
		"ids go back":        append(request(appendRequest(nil, 2, 0, "ping", args())), request(appendRequest(nil, 1, 0, "ping", args()))...),
	} {
		t.Run(name, func(t *testing.T) {
			i := intrude(t, path)
			_, err := i.Write(b)
			require.NoError(t, err)
			i.isDropped(t)
			require.NoError(t, good.Ping(testContext(t)))
		})
	}
	t.Run("half a frame", func(t *testing.T) {
		i := intrude(t, path)
		_, err := i.Write([]byte{0, 0, 1, 0, 0x84})
		require.NoError(t, err)
		require.NoError(t, i.Close())
		require.NoError(t, good.Ping(testContext(t)))
	})
	t.Run("nested deeply", func(t *testing.T) {
		ctx := testContext(t)
		d := open(t, good, KindDict, "d")
		deep := append(bytes.Repeat([]byte{0x81}, 1<<20), 0x80)
		_, err := good.Call(ctx, d, "get", deep, nil)
		require.ErrorIs(t, err, errs.ErrTooLarge)
		require.NoError(t, good.Ping(ctx), "it is still connected")
	})
}

func TestGarbageBeforeAuthentication(t *testing.T) {
	s, path := serveTest(t, Config{Limits: Limits{HandshakeTimeout: 50 * time.Millisecond}})
	for _, b := range []string{
		"", "\x00", "GET / HTTP/1.1\r\n\r\n", string(frames("\xff")), "\x00\x10\x00\x00",
		string(frames(string(appendHello(nil, hello{version: 0, nonce: newNonce()})))),
		string(frames(string(appendHello(nil, hello{version: 1, nonce: []byte("short")})))),
	} {
		conn, err := net.Dial("unix", path)
		require.NoError(t, err)
		_, err = conn.Write([]byte(b))
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, conn) // ends with the deadline of the handshake at the latest
		require.False(t, errors.Is(err, os.ErrDeadlineExceeded))
		conn.Close()
	}
	require.NoError(t, dialTest(t, path).Ping(testContext(t)))
	require.Equal(t, uint64(7), s.Stats().Refused)
}

func TestManyConnections(t *testing.T) {
	s, path := serveTest(t, Config{Limits: Limits{Handshakes: 10, Connections: 3}})
	first := dialTest(t, path)
	var idle []net.Conn
	for range 500 { // nobody says a word
		conn, err := net.Dial("unix", path)
		require.NoError(t, err)
		idle = append(idle, conn)
	}
	second := dialTest(t, path) // gets in all the same
	require.NoError(t, first.Ping(testContext(t)))
	require.NoError(t, second.Ping(testContext(t)))
	dialTest(t, path)
	_, err := Dial(testContext(t), "unix", path, DialConfig{AuthKey: testKey})
	require.ErrorIs(t, err, errs.ErrTooLarge)
	require.ErrorContains(t, err, "3 clients are connected")
	s.mu.Lock()
	require.LessOrEqual(t, len(s.strangers), 10)
	s.mu.Unlock()
	for _, conn := range idle {
		conn.Close()
	}
}

// shortListener fails as accept does without descriptors.
type shortListener struct {
	net.Listener
	failures int
}

func (l *shortListener) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

func TestOutOfDescriptors(t *testing.T) {
	s, err := NewServer(Config{AuthKey: testKey})
	require.NoError(t, err)
	l, err := net.Listen("unix", t.TempDir()+"/s")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(&shortListener{l, 3}) }()
	c, err := Dial(testContext(t), "unix", l.Addr().String(), DialConfig{AuthKey: testKey})
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.NoError(t, s.Close())
	require.NoError(t, <-served)
	require.ErrorIs(t, s.Serve(l), errs.ErrClosed)
}

func TestClientThatNeverReads(t *testing.T) {
	ended := make(chan struct{}, 2)
	_, path := serveTest(t, Config{
		Limits:       Limits{Queue: 1 << 20, StallTimeout: 200 * time.Millisecond},
		OnSessionEnd: func(*Session) { ended <- struct{}{} },
	})
	good := dialTest(t, path)
	d := open(t, good, KindDict, "d")
	invoke(t, good, d, "set", "k", make([]byte, 100<<10))

	i := intrude(t, path)
	_, err := i.Write(frames(string(appendRequest(nil, 1, 0, "open", args(KindDict, "d", "", nil, 0)))))
	require.NoError(t, err)
	body, err := i.in.next()
	require.NoError(t, err)
	p, err := parseReply(body, 9)
	require.NoError(t, err)
	r := NewReader(p.value)
	r.Args(3)
	id := r.Uint()
	for n := uint64(2); ; n++ {
		if _, err := i.Write(frames(string(appendRequest(nil, n, id, "get", args("k"))))); err != nil {
			break // it was dropped, long before the gigabytes that it asked for
		}
		require.Less(t, n, uint64(1<<20))
		if n%1000 == 0 {
			require.NoError(t, good.Ping(testContext(t)))
		}
	}
	<-ended
	require.NoError(t, good.Ping(testContext(t)))
}

func TestLimitsOfASession(t *testing.T) {
	g := newGate()
	_, c := pair(t, Config{Kinds: g.kind(), Limits: Limits{Blocking: 2, Streams: 2, Memory: 1 << 20}})
	id, d := open(t, c, "gate", "g"), open(t, c, KindDict, "d")
	ctx, cancel := context.WithCancel(testContext(t))
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { c.Call(ctx, id, "wait", args(), nil) })
		<-g.entered
	}
	_, err := c.Call(ctx, id, "wait", args(), nil)
	require.ErrorIs(t, err, errs.ErrTooLarge)
	cancel()
	wg.Wait()

	ctx = testContext(t)
	for range 2 {
		_, err := c.Stream(ctx, d, "watch", args())
		require.NoError(t, err)
	}
	_, err = c.Stream(ctx, d, "watch", args())
	require.ErrorIs(t, err, errs.ErrTooLarge)

	n := 0
	for ; err == nil || n == 0; n++ {
		_, err = c.Call(ctx, d, "set", args(fmt.Sprint(n), make([]byte, 10_000)), nil)
	}
	require.ErrorIs(t, err, errs.ErrNoMemory)
	require.Equal(t, fmt.Sprint(n-1), invoke(t, c, d, "len"))
	invoke(t, c, d, "clear")
	invoke(t, c, d, "set", "again", make([]byte, 10_000))
}
