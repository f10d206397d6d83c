package served

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/shm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testKey = []byte("a key for tests")

// testContext ends long before the test binary gives up.
func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// scene is a coordinator that serves an arena, and a process beside it that maps it.
type scene struct {
	t      testing.TB
	path   string
	server *coord.Server
	host   *shm.Arena
	local  *shm.Arena
}

// asleep makes a request that waits, and returns when it does.
func (s *scene) asleep(o thing, method string, a ...any) *pending {
	before := s.host.Stats().Waits
	p := o.start(method, a...)
	until(s.t, method+" to wait", func() bool { return s.host.Stats().Waits > before })
	return p
}

func newScene(t testing.TB, limits coord.Limits) *scene {
	t.Helper()
	host, err := shm.Create(64 << 20)
	require.NoError(t, err)
	local, err := shm.Attach(host.File())
	require.NoError(t, err)
	s := &scene{t: t, path: filepath.Join(t.TempDir(), "s"), host: host, local: local}
	s.server, err = coord.NewServer(coord.Config{AuthKey: testKey, Names: Names(host), Openers: Openers(host), Limits: limits})
	require.NoError(t, err)
	l, err := net.Listen("unix", s.path)
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.server.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, s.server.Close())
		require.NoError(t, <-served)
		require.NoError(t, local.Close(context.Background()))
		wrong, err := host.Check(context.Background(), true)
		require.NoError(t, err)
		require.Empty(t, wrong, "the arena")
		require.NoError(t, host.Close(context.Background()))
	})
	return s
}

// ends closes a session and returns when it is over.
func (c *client) ends() {
	c.t.Helper()
	before := c.s.host.Stats().Processes
	c.Close()
	until(c.t, "the end of a session", func() bool { return c.s.host.Stats().Processes < before })
}

// client is a session.
func (s *scene) client() *client {
	s.t.Helper()
	c, err := coord.Dial(testContext(s.t), "unix", s.path, coord.DialConfig{AuthKey: testKey})
	require.NoError(s.t, err)
	s.t.Cleanup(func() { c.Close() })
	return &client{s.t, s, c}
}

type client struct {
	t testing.TB
	s *scene
	*coord.Client
}

// thing is an object that a client has open.
type thing struct {
	c      *client
	handle uint64
}

// open answers the handle, and [created, type, details] as diag shows it.
func (c *client) tryOpen(mode coord.Mode, kind, name, typ string, params ...any) (thing, string, error) {
	c.t.Helper()
	a := enc([]any{kind, name, typ, params, uint64(mode)})
	out, err := c.Call(testContext(c.t), 0, "open", a, nil)
	if err != nil {
		return thing{}, "", err
	}
	r := coord.NewReader(out)
	r.Args(5)
	handle := r.Uint()
	rest := diag(r) + " " + diag(r) + " " + diag(r)
	require.NoError(c.t, r.Err())
	return thing{c, handle}, rest, nil
}

func (c *client) create(kind, name, typ string, params ...any) thing {
	c.t.Helper()
	o, _, err := c.tryOpen(coord.Create, kind, name, typ, params...)
	require.NoError(c.t, err)
	return o
}

// enc writes a CBOR item in the few forms that tests need.
func enc(v any) []byte {
	switch v := v.(type) {
	case nil:
		return coord.AppendNull(nil)
	case int:
		return coord.AppendInt(nil, int64(v))
	case uint64:
		return coord.AppendUint(nil, v)
	case float64:
		return coord.AppendFloat(nil, v)
	case bool:
		return coord.AppendBool(nil, v)
	case string:
		return coord.AppendText(nil, v)
	case []byte:
		return coord.AppendBytes(nil, v)
	case []any:
		b := coord.AppendArray(nil, len(v))
		for _, e := range v {
			b = append(b, enc(e)...)
		}
		return b
	}
	panic(fmt.Sprintf("%T", v))
}

// diag shows an item in CBOR's diagnostic notation.
func diag(r *coord.Reader) string {
	item := r.Raw()
	if len(item) == 0 {
		return "!"
	}
	in := coord.NewReader(item)
	switch item[0] & 0xe0 {
	case 0 << 5, 1 << 5:
		if item[0]&0xe0 == 0 {
			return fmt.Sprint(in.Uint())
		}
		return fmt.Sprint(in.Int())
	case 2 << 5:
		return fmt.Sprintf("'%x'", in.Bytes())
	case 3 << 5:
		return fmt.Sprintf("%q", in.Text())
	case 4 << 5:
		parts := make([]string, in.Array())
		for i := range parts {
			parts[i] = diag(in)
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	if in.Null() {
		return "null"
	}
	return fmt.Sprint(in.Bool())
}

// call answers what diag makes of a result.
func (o thing) call(ctx context.Context, method string, a ...any) (string, error) {
	out, err := o.c.Call(ctx, o.handle, method, enc(append([]any{}, a...)), nil)
	if err != nil {
		return "", err
	}
	return diag(coord.NewReader(out)), nil
}

// gives makes a request that must have that result.
func (o thing) gives(want, method string, a ...any) {
	o.c.t.Helper()
	out, err := o.call(testContext(o.c.t), method, a...)
	require.NoError(o.c.t, err, method)
	require.Equal(o.c.t, want, out, method)
}

// fails makes a request that must fail with that sentinel.
func (o thing) fails(want error, method string, a ...any) {
	o.c.t.Helper()
	out, err := o.call(testContext(o.c.t), method, a...)
	require.ErrorIs(o.c.t, err, want, "%s gave %s", method, out)
}

// pending is a request that waits.
type pending struct {
	t      testing.TB
	s      *scene
	done   chan struct{}
	cancel context.CancelFunc
	out    string
	err    error
}

func (o thing) start(method string, a ...any) *pending {
	ctx, cancel := context.WithCancel(testContext(o.c.t))
	p := &pending{t: o.c.t, s: o.c.s, done: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(p.done)
		p.out, p.err = o.call(ctx, method, a...)
	}()
	return p
}

// leaves cancels a request that waits, and returns when its reply was written.
func (p *pending) leaves() {
	p.t.Helper()
	before := p.s.server.Stats().Calls
	p.cancel()
	p.fails(context.Canceled)
	until(p.t, "the reply to what was cancelled", func() bool { return p.s.server.Stats().Calls >= before+2 }) // and that of the cancellation
}

func (p *pending) gives(want string) {
	p.t.Helper()
	<-p.done
	require.NoError(p.t, p.err)
	require.Equal(p.t, want, p.out)
}

func (p *pending) fails(want error) {
	p.t.Helper()
	<-p.done
	require.ErrorIs(p.t, p.err, want)
}

// until waits for something that others bring about.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx := testContext(t)
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			require.FailNow(t, "waited for nothing", what)
		}
	}
}

// attach opens an object in the local process.
func (s *scene) attach(kind shm.Kind, name, typ string) *shm.Handle {
	s.t.Helper()
	o, _, err := s.local.Open(testContext(s.t), shm.Spec{Name: name, Kind: kind, Type: typ, OpenOnly: true, Any: true})
	require.NoError(s.t, err)
	return o
}

func errIs(err, target error) bool { return errors.Is(err, target) }
