package coord

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// increments is a short conversation: n additions, each of which must happen
// once, and be answered.
func increments(t *testing.T, addr, name string, n int) (c *Client, ok bool) {
	t.Helper()
	c, err := Dial(testContext(t), "unix", addr, DialConfig{AuthKey: testKey})
	if err != nil { // the first handshake was cut, and is not repeated
		require.ErrorIs(t, err, errs.ErrUnavailable)
		return nil, false
	}
	d, err := c.Open(testContext(t), KindDict, name, "", nil, Create)
	require.NoError(t, err)
	for i := range n {
		require.Equal(t, fmt.Sprint(i+1), invoke(t, c, d, "add", "k", 1, "int"))
	}
	return c, true
}

// A connection is cut after each of its bytes, in either direction, and the
// one that resumes it too.
func TestCutAnywhere(t *testing.T) {
	_, path := serveTest(t, Config{})
	whole := startProxy(t, path, faultless())
	c, _ := increments(t, whole.addr(), "whole", 4)
	require.NoError(t, c.Close())
	up, down := int(whole.up.Load()), int(whole.down.Load())

	count := 0
	run := func(what string, at int, faults ...fault) {
		count++
		p := startProxy(t, path, faultless(faults...))
		c, ok := increments(t, p.addr(), fmt.Sprint("d", count), 4)
		if ok {
			require.EqualValues(t, 1, c.Generation(), "%s at %d", what, at)
			require.NoError(t, c.Close())
		}
		p.close()
	}
	for n := range up {
		run("up", n, fault{up: cutAfter(n)})
	}
	for n := range down {
		run("down", n, fault{down: cutAfter(n)})
	}
	const part = 3
	for n := range up { // the resuming handshake is about as long as the first
		run("up again", n, fault{up: cutAfter(up - part)}, fault{up: cutAfter(n)})
		run("up, then down", n, fault{up: cutAfter(up - part)}, fault{down: cutAfter(n)})
	}
	for n := range up {
		run("down, then up", n, fault{down: cutAfter(down - part)}, fault{up: cutAfter(n)})
		run("down again", n, fault{down: cutAfter(down - part)}, fault{down: cutAfter(n)})
	}
}

// blocked is a client behind p whose call of take waits.
func blocked(t *testing.T, pl *pool, addr string, cfg DialConfig, q Request) (c *Client, ctx context.Context, cancel func(), result chan error) {
	t.Helper()
	c = dialWith(t, addr, cfg)
	ctx, stop := context.WithCancel(testContext(t))
	q.Handle, q.Method, q.Args = open(t, c, "pool", "p"), "take", args()
	result = make(chan error, 1)
	go func() {
		n, err := takenItem(c.Do(ctx, q, nil))
		if err == nil && n != 7 {
			err = fmt.Errorf("took %d", n)
		}
		result <- err
	}()
	<-pl.entered
	return c, ctx, stop, result
}

// gateway is a plan under which connections come through only while it is open.
type gateway struct{ shut atomic.Bool }

func (g *gateway) plan(int) fault {
	if g.shut.Load() {
		return fault{up: cutAfter(0)}
	}
	return fault{}
}

func TestCutWhileWaiting(t *testing.T) {
	pl := newPool()
	_, path := serveTest(t, Config{Kinds: pl.kind()})
	var g gateway
	p := startProxy(t, path, g.plan)
	other := dialTest(t, path)
	id := open(t, other, "pool", "p")

	c, _, _, result := blocked(t, pl, p.addr(), DialConfig{}, Request{})
	p.cutAll()
	require.NoError(t, c.Ping(testContext(t)))
	invoke(t, other, id, "put", 7)
	require.NoError(t, <-result)

	// The item comes while there is no connection.
	c, _, _, result = blocked(t, pl, p.addr(), DialConfig{}, Request{})
	g.shut.Store(true)
	p.cutAll()
	invoke(t, other, id, "put", 7)
	for pl.taken.Load() < 2 {
		runtime.Gosched()
	}
	g.shut.Store(false)
	require.NoError(t, <-result)
	require.EqualValues(t, 1, c.Generation())
	require.Empty(t, pl.entered, "the call was made once")
}

// A call that waits and is cancelled has happened, or not at all.
func TestCancelledCalls(t *testing.T) {
	pl := newPool()
	_, path := serveTest(t, Config{Kinds: pl.kind()})
	var g gateway
	p := startProxy(t, path, g.plan)
	other := dialTest(t, path)
	id := open(t, other, "pool", "p")
	wait := Request{Wait: true}

	t.Run("in time", func(t *testing.T) {
		_, _, cancel, result := blocked(t, pl, p.addr(), DialConfig{}, wait)
		cancel()
		require.Equal(t, context.Canceled, <-result)
		require.Zero(t, pl.taken.Load())
	})
	t.Run("too late", func(t *testing.T) {
		pl.deaf.Store(true)
		_, _, cancel, result := blocked(t, pl, p.addr(), DialConfig{}, wait)
		cancel()
		invoke(t, other, id, "put", 7)
		require.NoError(t, <-result)
		pl.deaf.Store(false)
	})
	t.Run("cut meanwhile", func(t *testing.T) {
		c, _, cancel, result := blocked(t, pl, p.addr(), DialConfig{}, wait)
		p.cutAll()
		cancel()
		require.Equal(t, context.Canceled, <-result)
		require.NoError(t, c.Ping(testContext(t)))
	})
	t.Run("no connection", func(t *testing.T) {
		before := pl.taken.Load()
		late := make(chan uint64, 1)
		c, _, cancel, result := blocked(t, pl, p.addr(), DialConfig{}, Request{Wait: true, Late: func(b []byte) {
			n, _ := takenItem(b, nil)
			late <- n
		}})
		g.shut.Store(true)
		p.cutAll()
		invoke(t, other, id, "put", 7)
		for pl.taken.Load() == before {
			runtime.Gosched()
		}
		cancel()
		err := <-result
		require.ErrorIs(t, err, errs.ErrUnavailable)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "may have been carried out")
		g.shut.Store(false)
		require.EqualValues(t, 7, <-late)
		require.NoError(t, c.Ping(testContext(t)))
	})
	t.Run("never sent", func(t *testing.T) {
		c := dialTest(t, p.addr())
		d := open(t, c, "pool", "p")
		g.shut.Store(true)
		p.cutAll()
		awaitLoss(t, c)
		ctx, cancel := context.WithTimeout(testContext(t), 20*time.Millisecond)
		defer cancel()
		_, err := c.Do(ctx, Request{Handle: d, Method: "take", Args: args(), Wait: true}, nil)
		require.ErrorIs(t, err, errs.ErrUnavailable)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		g.shut.Store(false)
		require.NoError(t, c.Ping(testContext(t)))
		require.Empty(t, pl.entered)
	})
}

// awaitLoss returns when c knows that it has no connection.
func awaitLoss(t *testing.T, c *Client) {
	t.Helper()
	for {
		c.mu.Lock()
		away := c.link == nil
		c.mu.Unlock()
		if away {
			return
		}
		runtime.Gosched()
	}
}

// Two clients increment a key through connections that break all the time.
func TestStorm(t *testing.T) {
	_, path := serveTest(t, Config{})
	var cuts atomic.Int64
	p := startProxy(t, path, func(int) fault {
		cuts.Add(1)
		f, after := fault{}, cutAfter(200+rand.IntN(5000))
		if rand.IntN(2) == 0 {
			f.up = after
		} else {
			f.down = after
		}
		return f
	})
	const clients, tasks, each = 2, 8, 2500
	var wg sync.WaitGroup
	for range clients {
		c := dialTest(t, p.addr())
		d := open(t, c, KindDict, "d")
		for range tasks {
			wg.Go(func() {
				for range each {
					if _, err := c.Call(testContext(t), d, "add", args("k", 1, "int"), nil); err != nil {
						t.Error(err)
						return
					}
				}
				if c.Generation() != 1 {
					t.Error("the session was lost")
				}
			})
		}
	}
	wg.Wait()
	c := dialTest(t, path)
	require.Equal(t, fmt.Sprintf("[%d %d]", clients*tasks*each, clients*tasks*each), invoke(t, c, open(t, c, KindDict, "d"), "get", "k"))
	t.Logf("%d connections", cuts.Load())
}

// Replies of all sizes, and a stream, arrive once and whole.
func TestStormOfReplies(t *testing.T) {
	_, path := serveTest(t, Config{Limits: Limits{Queue: 64 << 20}})
	p := startProxy(t, path, func(int) fault { return fault{down: cutAfter(rand.IntN(4 << 20))} })
	c := dialTest(t, p.addr())
	d := open(t, c, KindDict, "d")
	ctx := testContext(t)
	watch, err := c.Stream(ctx, d, "watch", args("n"))
	require.NoError(t, err)
	for i := range 8 {
		invoke(t, c, d, "set", i, bytes.Repeat([]byte{byte(i)}, 1<<(6+2*i)))
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 60 {
				k := (g + i) % 8
				out, err := c.Call(ctx, d, "get", args(k), nil)
				r := NewReader(out)
				r.Args(2)
				if b := r.Bytes(); err != nil || len(b) != 1<<(6+2*k) || b[0] != byte(k) || b[len(b)-1] != byte(k) {
					t.Errorf("%d: %v, %d bytes", k, err, len(b))
					return
				}
			}
		})
	}
	for i := range 200 {
		invoke(t, c, d, "set", "n", i)
	}
	seen := 0
	for seen < 200 {
		batch, err := watch.Next(ctx)
		require.NoError(t, err)
		r := NewReader(batch)
		for range r.Array() {
			r.Args(4)
			r.Uint()
			r.Raw()
			require.EqualValues(t, seen, r.Int())
			r.Uint()
			seen++
		}
	}
	wg.Wait()
	require.EqualValues(t, 1, c.Generation())
	t.Logf("%d connections", p.connections())
}

// Replies that are read from a connection which was given up are not counted:
// they come again.
func TestRepliesOfADroppedConnection(t *testing.T) {
	_, path := serveTest(t, Config{})
	c := dialTest(t, path)
	c.mu.Lock()
	l := c.link
	c.lastID++
	c.abandoned[c.lastID] = nil
	body := append(appendReply(nil, c.lastID), cborNull)
	c.mu.Unlock()
	c.drop(l, errSilent)
	_, err := c.deliver(l, body, nil)
	require.ErrorIs(t, err, errDropped)
	require.NoError(t, c.Ping(testContext(t)))
}

// A stream that is closed while there is no connection is closed all the same.
func TestStreamsEndWithoutAConnection(t *testing.T) {
	s, path := serveTest(t, Config{})
	var way gateway
	p := startProxy(t, path, way.plan)
	c := dialTest(t, p.addr())
	watch, err := c.Stream(testContext(t), open(t, c, KindDict, "d"), "watch", args())
	require.NoError(t, err)
	way.shut.Store(true)
	p.cutAll()
	awaitLoss(t, c)
	watch.Close()
	way.shut.Store(false)
	require.NoError(t, c.Ping(testContext(t)))
	sess := theSession(s)
	sess.mu.Lock()
	require.Empty(t, sess.streams)
	sess.mu.Unlock()
	require.NoError(t, c.Ping(testContext(t)))
	c.mu.Lock()
	require.Empty(t, c.ends)
	c.mu.Unlock()
}

func theSession(s *Server) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sess := range s.sessions {
		return sess
	}
	return nil
}

// A call that was cancelled before the coordinator got it is never made.
func TestCancelledOnItsWay(t *testing.T) {
	pl := newPool()
	_, path := serveTest(t, Config{Kinds: pl.kind()})
	p := startProxy(t, path, faultless(fault{up: &tap{after: 200, what: swallow}}))
	c := dialWith(t, p.addr(), DialConfig{Silence: 20 * time.Millisecond})
	id := open(t, c, "pool", "p")
	for p.connections() == 1 { // fill the connection up to where it swallows
		short, cancel := context.WithTimeout(testContext(t), 2*time.Millisecond)
		_, err := c.Do(short, Request{Handle: id, Method: "take", Args: args(), Wait: true}, nil)
		cancel()
		require.Equal(t, context.DeadlineExceeded, err)
	}
	require.Zero(t, pl.taken.Load())
	require.EqualValues(t, 1, c.Generation())
}

func TestRepliesAreAcknowledged(t *testing.T) {
	s, c := pair(t, Config{})
	d := open(t, c, KindDict, "d")
	for range 1000 {
		require.NoError(t, c.Ping(testContext(t)))
	}
	log := theSession(s).out.log
	kept := func() (replies, bytes int) {
		o := &theSession(s).out
		o.mu.Lock()
		defer o.mu.Unlock()
		return int(log.next - log.first), log.bytes
	}
	n, _ := kept()
	require.LessOrEqual(t, n, ackReplies+1)
	invoke(t, c, d, "set", "k", make([]byte, 1<<20))
	invoke(t, c, d, "get", "k")
	require.Eventually(t, func() bool { // nothing else is sent
		_, bytes := kept()
		return bytes < ackAtOnce
	}, 20*time.Second, time.Millisecond)
}
