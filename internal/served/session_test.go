package served

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// Sessions are processes, and go like them.
func TestManySessions(t *testing.T) {
	s := newScene(t, coord.Limits{})
	const sessions, rounds = 100, 10
	before := s.host.Stats().Processes
	ctx := testContext(t)
	var wg sync.WaitGroup
	clients := make([]*client, sessions)
	for i := range clients {
		clients[i] = s.client()
		l := clients[i].create("lock", "l", "", false)
		own := clients[i].create("lock", fmt.Sprint("own ", i), "", false)
		gate := clients[i].create("barrier", "b", "", sessions)
		wg.Go(func() {
			_, err := own.call(ctx, "lock")
			for range rounds {
				if err == nil {
					_, err = l.call(ctx, "lock")
				}
				if err == nil {
					_, err = l.call(ctx, "unlock")
				}
				if err == nil {
					_, err = gate.call(ctx, "wait", 0, false)
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, before+sessions, s.host.Stats().Processes)
	last := clients[sessions-1]
	for _, c := range clients[:sessions-1] {
		c.Close()
	}
	until(t, "sessions to end", func() bool { return s.host.Stats().Processes == before+1 })
	last.create("lock", "l", "", false).gives("1001", "lock")
	for i := range sessions - 1 {
		last.create("lock", fmt.Sprint("own ", i), "", false).fails(errs.ErrOwnerDied, "lock")
	}
}

// A session that ends while it waits for anything leaves nothing behind.
func TestSessionsEndWaiting(t *testing.T) {
	s := newScene(t, coord.Limits{})
	keeper := s.client()
	scenes := []struct {
		kind   string
		params []any
		method string
		args   []any
	}{
		{"lock", []any{false}, "lock", nil},
		{"rlock", []any{false}, "recover", nil},
		{"event", nil, "wait", nil},
		{"semaphore", []any{0, false}, "acquire", nil},
		{"semaphore", []any{0, true}, "acquire", nil},
		{"boundedsemaphore", []any{0}, "acquire", nil},
		{"queue", []any{1, true}, "get", nil},
		{"queue", []any{1, false}, "getmany", []any{5}},
		{"queue", []any{1, true}, "putmany", []any{[]byte("1"), []byte("2")}},
		{"queue", []any{1, false}, "put", []any{[]byte("2")}},
		{"queue", []any{0, true}, "join", nil},
		{"bytequeue", []any{1}, "get", nil},
		{"bytequeue", []any{1}, "put", []any{[]byte("2")}},
		{"condition", []any{nil}, "wait", nil},
		{"barrier", []any{2}, "wait", []any{0, true}},
	}
	for i, scene := range scenes {
		name := fmt.Sprint(scene.kind, i)
		o := keeper.create(scene.kind, name, "", scene.params...)
		if strings.HasSuffix(scene.kind, "lock") {
			o.gives("1", "lock")
		}
		if scene.method == "put" || scene.method == "join" {
			o.gives("null", "put", []byte("1"))
		}
		for _, cut := range []bool{false, true} {
			c := s.client()
			w := c.create(scene.kind, name, "", scene.params...)
			if scene.kind == "condition" {
				_, err := w.call(testContext(t), "recover")
				require.NoError(t, err)
			}
			p := s.asleep(w, scene.method, scene.args...)
			if cut {
				c.ends()
				<-p.done
				require.Error(t, p.err)
				continue
			}
			p.leaves()
			c.ends()
		}
	}
	// What they waited for is another's.
	for i, scene := range scenes {
		name := fmt.Sprint(scene.kind, i)
		o := keeper.create(scene.kind, name, "", scene.params...)
		switch scene.kind {
		case "lock", "rlock":
			o.gives("null", "unlock", 1)
			o.gives("2", "trylock")
		case "semaphore":
			o.gives("null", "release", 1)
			o.gives("1", "value")
		case "queue", "bytequeue":
			if scene.method != "get" && scene.method != "getmany" {
				o.gives("'31'", "get")
			}
			o.fails(errs.ErrEmpty, "tryget")
			o.gives("null", "tryput", []byte("x"))
			o.gives("'78'", "tryget")
			o.gives("0", "len")
		case "condition":
			o.gives("4", "lock") // who ends while it waits ends without it
			o.gives("null", "unlock")
		case "barrier":
			o.gives("true", "broken")
		}
	}
}

// A handle that is released while a request waits ends that wait, and what the request waited for
// is somebody else's.
func TestReleaseWhileWaiting(t *testing.T) {
	s := newScene(t, coord.Limits{})
	c, d := s.client(), s.client()
	q, r := c.create("queue", "q", "any", 0, false), d.create("queue", "q", "any", 0, false)
	p := s.asleep(q, "get")
	require.NoError(t, c.Release(testContext(t), q.handle))
	p.fails(errs.ErrClosed)
	q.fails(errs.ErrNotFound, "len")
	require.NoError(t, s.local.Remove(testContext(t), "q"))
	fresh := c.create("queue", "q", "any", 0, false)
	r.gives("null", "put", []byte("a"))
	r.gives("'61'", "tryget")
	fresh.fails(errs.ErrEmpty, "tryget")
}

// What was taken through a handle that is released, while a request waits in it, and not
// confirmed goes back to the front, when that request has ended; so do buffers.
func TestReleaseGivesBackWhileWaiting(t *testing.T) {
	s := newScene(t, coord.Limits{})
	c, d := s.client(), s.client()
	q, r := c.create("queue", "q", "any", 0, true), d.create("queue", "q", "any", 0, true)
	large := bytes.Repeat([]byte("x"), 20_000)
	r.gives("null", "put", []byte("a"))
	r.gives("null", "put", large)
	q.gives("'61'", "get")
	_, err := q.call(testContext(t), "get")
	require.NoError(t, err)
	p := s.asleep(q, "get")
	require.NoError(t, c.Release(testContext(t), q.handle))
	p.fails(errs.ErrClosed)
	r.gives("'61'", "get")
	_, err = r.call(testContext(t), "get")
	require.NoError(t, err)
	r.gives("null", "taskdone")
	r.gives("null", "taskdone")
	r.gives("null", "join")
	require.NoError(t, s.local.Remove(testContext(t), "q"))
	require.NoError(t, d.Release(testContext(t), r.handle))
	require.Zero(t, s.host.Stats().Used)
}

func TestReleasedPermitsAndLocks(t *testing.T) {
	s := newScene(t, coord.Limits{})
	a, b := s.client(), s.client()
	l, k := a.create("lock", "l", "", false), b.create("lock", "l", "", false)
	l.gives("1", "lock")
	require.NoError(t, a.Release(testContext(t), l.handle)) // it does not unlock
	k.fails(errs.ErrLocked, "trylock")
	waits := s.asleep(k, "lock")
	x, y := a.create("boundedsemaphore", "s", "", 2), b.create("boundedsemaphore", "s", "", 2)
	x.gives("null", "acquire")
	require.NoError(t, a.Release(testContext(t), x.handle)) // nor does this
	y.gives("1", "value")
	a.ends()
	waits.fails(errs.ErrOwnerDied)
	y.gives("2", "value")
}

func TestArena(t *testing.T) {
	s := newScene(t, coord.Limits{})
	c := s.client()
	o, rest, err := c.tryOpen(coord.Attach, "arena", "arena", "")
	require.NoError(t, err)
	require.Equal(t, `false "" []`, rest)
	c.create("lock", "l", "", false)
	o.gives("[]", "check")
	out, err := c.Call(testContext(t), o.handle, "processes", enc([]any{}), nil)
	require.NoError(t, err)
	r := coord.NewReader(out)
	roles := map[string]int{}
	for range r.Array() {
		r.Args(6)
		r.Uint()
		r.Int()
		roles[r.Text()]++
		r.Bool()
		require.Positive(t, r.Int())
		r.Int()
	}
	require.NoError(t, r.Err())
	require.Equal(t, map[string]int{"program": 2, "remote": 1}, roles)
	out, err = c.Call(testContext(t), o.handle, "stats", enc([]any{}), nil)
	require.NoError(t, err)
	r = coord.NewReader(out)
	r.Args(8)
	want := s.host.Stats()
	for _, n := range []int64{int64(want.Objects), want.Used, want.Committed, want.Budget, int64(want.Processes), int64(want.Recoveries)} {
		require.Equal(t, n, r.Int())
	}
	_, _, err = c.tryOpen(coord.Exclusive, "arena", "arena", "")
	require.ErrorIs(t, err, errs.ErrExists)
}

// The coordinator stops although a session waits, and holds what others wait for.
func TestServerCloses(t *testing.T) {
	s := newScene(t, coord.Limits{})
	a, b := s.client(), s.client()
	k, m := a.create("condition", "c", "", nil), b.create("condition", "c", "", nil)
	k.gives("1", "lock")
	first := s.asleep(k, "wait")
	m.gives("2", "lock")
	m.gives("null", "notify", 1) // so that it waits for the lock, which nothing but the end of its session ends
	require.NoError(t, s.server.Close())
	first.cancel() // the client would wait for the coordinator to come back
	<-first.done
	require.Error(t, first.err)
	local := shm.LockOf(s.attach(shm.Condition, "c", "").Object)
	_, died := local.Holder()
	require.True(t, died)
}

// A coordinator that shuts down does not wait for what nobody can do any more.
func TestShutdownEndsWaits(t *testing.T) {
	s := newScene(t, coord.Limits{})
	a := s.client()
	q := s.asleep(a.create("queue", "q", "int64", 0, false), "get")
	e := s.asleep(a.create("event", "e", ""), "wait")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.server.Shutdown(ctx) }()
	q.fails(errs.ErrUnavailable)
	e.fails(errs.ErrUnavailable)
	require.NoError(t, <-done)
}
