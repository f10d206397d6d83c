package coord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// gate is an object whose methods wait, panic and fail.
type gate struct {
	entered, left chan struct{} // a token for each wait that has begun, and that was cancelled
	closed        atomic.Bool
}

func newGate() *gate {
	return &gate{entered: make(chan struct{}, 1000), left: make(chan struct{}, 1000)}
}

func (g *gate) kind() map[string]Kind {
	return map[string]Kind{"gate": KindFunc(func(context.Context, *Session, string, string, []byte) (Object, error) { return g, nil })}
}

func (g *gate) Blocks(method string) bool { return method == "wait" || method == "ticks" }

func (g *gate) Call(ctx context.Context, _ *Session, method string, _, dst []byte) ([]byte, error) {
	switch method {
	case "wait":
		g.entered <- struct{}{}
		<-ctx.Done()
		g.left <- struct{}{}
		return dst, ctx.Err()
	case "panic":
		panic("on purpose")
	case "fail":
		return dst, errors.New("its own error")
	case "full":
		return dst, fmt.Errorf("%w: no room", errs.ErrFull)
	}
	return dst, NoMethod("gate", method)
}

func (g *gate) Close() { g.closed.Store(true) }

func TestPipelining(t *testing.T) {
	_, c := pair(t, Config{})
	d := open(t, c, KindDict, "d")
	ctx := testContext(t)
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			var out []byte
			for i := range 100 {
				key := args(g, i)[1:] // the key is g, i counts
				_, err := c.Call(ctx, d, "set", append([]byte{0x82}, key...), nil)
				if err == nil {
					out, err = c.Call(ctx, d, "get", args(g), out[:0])
				}
				r := NewReader(out)
				r.Args(2)
				if err != nil || r.Int() != int64(i) {
					t.Errorf("goroutine %d, call %d: %v %x", g, i, err, out)
					return
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, "64", invoke(t, c, d, "len"))
}

// Leaders come and go by cancellation all the time; nobody may be left without
// his reply.
func TestLeadersAreCancelled(t *testing.T) {
	g := newGate()
	_, c := pair(t, Config{Kinds: g.kind()})
	id, d := open(t, c, "gate", "g"), open(t, c, KindDict, "d")
	ctx := testContext(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 100 {
				short, cancel := context.WithTimeout(ctx, time.Duration(i%5)*100*time.Microsecond)
				_, err := c.Call(short, id, "wait", args(), nil)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				cancel()
			}
		})
		wg.Go(func() {
			for i := range 200 {
				if _, err := c.Call(ctx, d, "set", args(i, i), nil); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range len(g.entered) {
				<-g.entered
			}
		})
	}
	wg.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	require.Empty(t, c.calls)
}

func TestCancelReachesTheMethod(t *testing.T) {
	g := newGate()
	_, c := pair(t, Config{Kinds: g.kind()})
	id := open(t, c, "gate", "g")
	ctx, cancel := context.WithCancel(testContext(t))
	result := make(chan error, 1)
	go func() {
		_, err := c.Call(ctx, id, "wait", args(), nil)
		result <- err
	}()
	<-g.entered
	require.NoError(t, c.Ping(testContext(t)), "a blocking call blocks nobody")
	cancel()
	require.Equal(t, context.Canceled, <-result)
	<-g.left
	require.NoError(t, c.Ping(testContext(t)))
}

func TestSessionEndCancelsItsCalls(t *testing.T) {
	g := newGate()
	ended := make(chan struct{})
	_, c := pair(t, Config{Kinds: g.kind(), OnSessionEnd: func(*Session) { close(ended) }})
	id := open(t, c, "gate", "g")
	result := make(chan error, 1)
	go func() {
		_, err := c.Call(context.Background(), id, "wait", args(), nil)
		result <- err
	}()
	<-g.entered
	require.NoError(t, c.Close())
	require.ErrorIs(t, <-result, errs.ErrClosed)
	<-g.left
	<-ended
	require.ErrorIs(t, c.Ping(context.Background()), errs.ErrClosed)
	<-c.Done()
}

func TestMethodsThatFail(t *testing.T) {
	g := newGate()
	_, c := pair(t, Config{Kinds: g.kind()})
	id := open(t, c, "gate", "g")
	ctx := testContext(t)
	var remote *errs.RemoteError
	_, err := c.Call(ctx, id, "panic", args(), nil)
	require.ErrorAs(t, err, &remote)
	require.Equal(t, errs.RemoteError{Type: "gate", Method: "panic", Message: "panic: on purpose"}, *remote)
	_, err = c.Call(ctx, id, "fail", args(), nil)
	require.ErrorAs(t, err, &remote)
	require.Equal(t, "its own error", remote.Message)
	_, err = c.Call(ctx, id, "full", args(), nil)
	require.ErrorIs(t, err, errs.ErrWouldBlock)
	require.EqualError(t, err, "full: would block: no room")
	_, err = c.Call(ctx, 12345, "get", args(), nil)
	require.ErrorIs(t, err, errs.ErrNotFound)
	require.NoError(t, c.Ping(ctx))
}

func TestCoordinatorIsKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	server := startCommand(t, "serve", path)
	var killed atomic.Bool
	cfg := DialConfig{Gone: func(error) error {
		if killed.Load() {
			return errors.New("it was killed")
		}
		return nil
	}}
	idle, busy := dialWith(t, path, cfg), dialWith(t, path, cfg)
	d := open(t, busy, KindDict, "d")
	result := make(chan error, 4)
	watch, err := busy.Stream(testContext(t), d, "watch", args())
	require.NoError(t, err)
	go func() {
		_, err := watch.Next(context.Background())
		result <- err
	}()
	for range 3 {
		go func() {
			for {
				if _, err := busy.Call(context.Background(), d, "get", args(1), nil); err != nil {
					result <- err
					return
				}
			}
		}()
	}
	require.NoError(t, busy.Ping(testContext(t)))
	killed.Store(true)
	require.NoError(t, server.Process.Kill())
	for range 4 {
		err := <-result
		require.ErrorIs(t, err, errs.ErrUnavailable)
		require.ErrorContains(t, err, "it was killed")
	}
	<-idle.Done()
	<-busy.Done()
	require.ErrorIs(t, idle.Ping(context.Background()), errs.ErrUnavailable)
	_, err = Dial(testContext(t), "unix", path, DialConfig{AuthKey: testKey})
	require.ErrorIs(t, err, errs.ErrUnavailable)
}

func TestOldHandlesMeetNothingNew(t *testing.T) {
	_, first := pair(t, Config{})
	id := open(t, first, KindDict, "d")
	_, second := pair(t, Config{})
	open(t, second, KindDict, "d")
	_, err := second.Call(testContext(t), id, "get", args(1), nil)
	require.ErrorIs(t, err, errs.ErrNotFound)
	require.NotEqual(t, first.Epoch(), second.Epoch())
}

func TestRequestTooLarge(t *testing.T) {
	_, c := pair(t, Config{Limits: Limits{Frame: 1 << 20}})
	l := open(t, c, KindList, "l")
	ctx := testContext(t)
	_, err := c.Call(ctx, l, "append", args(make([]byte, 1<<20)), nil)
	require.ErrorIs(t, err, errs.ErrTooLarge)
	half := args(make([]byte, 600<<10))
	for range 2 {
		_, err = c.Call(ctx, l, "append", half, nil)
		require.NoError(t, err)
	}
	_, err = c.Call(ctx, l, "slice", args(0, 2), nil)
	require.ErrorIs(t, err, errs.ErrTooLarge)
	_, err = c.Call(ctx, l, "slice", args(1, 2), nil)
	require.NoError(t, err)
}

// Items that came in one by one can be had in streams and scans, however small the frames.
func TestBatchesFitIntoFrames(t *testing.T) {
	const frame = 8 << 10
	_, c := pair(t, Config{Limits: Limits{Frame: frame}})
	ctx := testContext(t)
	d, l := open(t, c, KindDict, "d"), open(t, c, KindList, "l")
	changes, err := c.Stream(ctx, d, "watch", args())
	require.NoError(t, err)
	defer changes.Close()
	sizes := []int{10, 3000, frame - 200, 3000, 3000, 10, frame - 200, frame - 200, 10}
	for i := range 500 {
		sizes = append(sizes, i%4)
	}
	for i, size := range sizes {
		_, err := c.Call(ctx, d, "set", args(i, make([]byte, size)), nil)
		require.NoError(t, err)
		_, err = c.Call(ctx, l, "append", args(make([]byte, size)), nil)
		require.NoError(t, err)
	}
	count := func(s *ClientStream, err error, width int) (n int) {
		require.NoError(t, err)
		defer s.Close()
		for batch, err := range s.All(ctx) {
			require.NoError(t, err)
			if n += NewReader(batch).Array() / width; n == len(sizes) {
				break
			}
		}
		return n
	}
	require.Equal(t, len(sizes), count(changes, nil, 1))
	s, err := c.Stream(ctx, d, "snapshot", args(snapshotItems))
	require.Equal(t, len(sizes), count(s, err, 2))
	s, err = c.Stream(ctx, l, "snapshot", args())
	require.Equal(t, len(sizes), count(s, err, 1))

	n := 0
	for after, until := uint64(0), uint64(0); n == 0 || after != until; {
		out, err := c.Call(ctx, d, "scan", args(after, until, 1000), nil)
		require.NoError(t, err)
		r := NewReader(out)
		r.Args(3)
		after, until = r.Uint(), r.Uint()
		n += r.Array() / 3
	}
	require.Equal(t, len(sizes), n)
	n = 0
	for next := uint64(0); n == 0 || next != 0; {
		out, err := c.Call(ctx, l, "scan", args(next, 1000), nil)
		require.NoError(t, err)
		r := NewReader(out)
		r.Args(2)
		next = r.Uint()
		n += r.Array()
	}
	require.Equal(t, len(sizes), n)
}

// A client that is not read by anybody leaves when its context says so.
func TestDialIsCancelled(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	defer l.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err = Dial(ctx, "unix", l.Addr().String(), DialConfig{AuthKey: testKey})
	require.Equal(t, context.DeadlineExceeded, err)
	_, err = Dial(context.Background(), "unix", l.Addr().String(), DialConfig{AuthKey: testKey, Timeout: 20 * time.Millisecond})
	require.ErrorIs(t, err, errs.ErrUnavailable)
}

// A large request to a coordinator that does not read must not hold its caller.
func TestCallToAStoppedReader(t *testing.T) {
	ours, theirs := socketPair(t)
	out := newSocket(ours, newFrameReader(ours, maxFrame), 0)
	c := &Client{
		link: &link{t: out}, frame: maxFrame, depth: 10, log: slog.New(slog.DiscardHandler), cfg: DialConfig{}.withDefaults(),
		calls: map[uint64]*call{}, abandoned: map[uint64]func([]byte){},
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	big := args(make([]byte, maxQueued))
	for range 3 {
		_, err := c.Call(ctx, 1, "set", big, nil)
		require.Equal(t, context.DeadlineExceeded, err)
	}
	require.Less(t, out.queued(), 2*maxQueued+1024)
	theirs.Close()
	c.Close()
}

func socketPair(t *testing.T) (a, b net.Conn) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "p"))
	require.NoError(t, err)
	defer l.Close()
	a, err = net.Dial("unix", l.Addr().String())
	require.NoError(t, err)
	b, err = l.Accept()
	require.NoError(t, err)
	return a, b
}
