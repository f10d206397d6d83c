package served

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

func TestSemaphore(t *testing.T) {
	s := newScene(t, coord.Limits{})
	a, b := s.client(), s.client()
	x, rest, err := a.tryOpen(coord.Create, "semaphore", "s", "", 1, false)
	require.NoError(t, err)
	require.Equal(t, `true "" [1 false]`, rest)
	y := b.create("semaphore", "s", "", 1, false)
	x.gives("1", "value")
	x.gives("null", "acquire")
	y.fails(errs.ErrLocked, "tryacquire")
	waits, cancelled := s.asleep(y, "acquire"), s.asleep(y, "acquire")
	cancelled.leaves()
	x.gives("null", "release", 1)
	waits.gives("null")
	x.gives("null", "release", 5) // signals: more than there were
	x.gives("5", "value")
	x.gives("null", "release", 0)
	x.fails(errs.ErrOverRelease, "release", 1<<31-1)
	x.fails(errs.ErrOverRelease, "release", uint64(1<<63))
	b.ends() // what it acquired stays acquired
	x.gives("5", "value")
}

func TestPermits(t *testing.T) {
	s := newScene(t, coord.Limits{})
	for kind, params := range map[string][]any{"semaphore": {2, true}, "boundedsemaphore": {2}} {
		a, b := s.client(), s.client()
		x, rest, err := a.tryOpen(coord.Create, kind, kind, "", params...)
		require.NoError(t, err)
		require.Equal(t, map[string]string{"semaphore": `true "" [2 true]`, "boundedsemaphore": `true "" [2 true]`}[kind], rest)
		y := b.create(kind, kind, "", params...)
		y.gives("null", "acquire")
		y.gives("null", "tryacquire")
		x.gives("0", "value")
		waits := x.start("acquire")
		b.Close()
		waits.gives("null")
		x.gives("null", "tryacquire")
		x.gives("null", "release", 2)
		x.gives("2", "value")
		if kind == "boundedsemaphore" {
			x.fails(errs.ErrOverRelease, "release", 1)
		}
	}
}

// Where its units are no permits, a bounded semaphore is bounded all the same.
func TestBoundedSignals(t *testing.T) {
	s := newScene(t, coord.Limits{})
	a, b := s.client(), s.client()
	x, rest, err := a.tryOpen(coord.Create, "boundedsemaphore", "s", "", 2, false)
	require.NoError(t, err)
	require.Equal(t, `true "" [2 false]`, rest)
	y := b.create("boundedsemaphore", "s", "", 2, false)
	_, _, err = b.tryOpen(coord.Create, "boundedsemaphore", "s", "", 2)
	require.ErrorIs(t, err, errs.ErrType)
	x.fails(errs.ErrOverRelease, "release", 1)
	y.gives("null", "acquire")
	y.gives("null", "acquire")
	waits := s.asleep(x, "acquire")
	x.fails(errs.ErrOverRelease, "release", 4)
	x.gives("null", "release", 1)
	waits.gives("null")
	b.ends() // what it acquired stays acquired
	x.gives("0", "value")
	x.gives("null", "release", 2)
	x.fails(errs.ErrOverRelease, "release", 1)
	x.gives("2", "value")
}

func TestCondition(t *testing.T) {
	s := newScene(t, coord.Limits{})
	a, b := s.client(), s.client()
	lock := a.create("lock", "l", "", false)
	for _, params := range [][]any{{nil}, {"l"}} {
		name, want := "own", "[null]"
		if params[0] != nil {
			local, _, err := s.local.Open(testContext(t), shm.Spec{Name: "l", Kind: shm.Lock, OpenOnly: true, Any: true})
			require.NoError(t, err)
			name, want = "other", `["l" '`+fmt.Sprintf("%x", string(identityOf(local.Index, local.Serial)))+`']`
		}
		k, rest, err := a.tryOpen(coord.Create, "condition", name, "", params...)
		require.NoError(t, err)
		require.Equal(t, `true "" `+want, rest)
		m, rest, err := b.tryOpen(coord.Attach, "condition", name, "")
		require.NoError(t, err)
		require.Equal(t, `false "" `+want, rest)
		kl, ml := k, m
		if params[0] != nil {
			kl, ml = lock, b.create("lock", "l", "", false)
			k.fails(errs.ErrNotFound, "lock")
		}

		k.fails(errs.ErrNotLocked, "wait")
		k.fails(errs.ErrNotLocked, "notify", 1)
		_, err = kl.call(testContext(t), "lock")
		require.NoError(t, err)
		m.fails(errs.ErrNotOwner, "wait")
		m.fails(errs.ErrNotOwner, "notify", 1)
		waits := k.start("wait")
		_, err = ml.call(testContext(t), "lock")
		require.NoError(t, err, "the lock is given up")
		m.gives("null", "notify", 0)
		m.gives("null", "notify", uint64(1<<63))
		ml.gives("null", "unlock")
		waits.gives("null")
		ml.fails(errs.ErrLocked, "trylock")

		cancelled := k.start("wait")
		_, err = ml.call(testContext(t), "lock")
		require.NoError(t, err)
		cancelled.cancel()
		require.NoError(t, a.Ping(testContext(t))) // the cancellation has arrived
		ml.gives("null", "unlock")
		cancelled.fails(context.Canceled)
		until(t, "the lock to be held again", func() bool {
			_, err := ml.call(testContext(t), "trylock")
			if err == nil {
				ml.gives("null", "unlock")
			}
			return errIs(err, errs.ErrLocked)
		})
		kl.gives("null", "unlock")
	}
	_, _, err := b.tryOpen(coord.Create, "condition", "own", "", "l")
	require.ErrorIs(t, err, errs.ErrType)
	_, _, err = b.tryOpen(coord.Create, "condition", "c", "", "no such lock")
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, _, err = b.tryOpen(coord.Create, "condition", "c", "", "own")
	require.ErrorIs(t, err, errs.ErrType)
}

// A notification that a session was given, and did not live to hear of, goes to the next.
func TestConditionAcross(t *testing.T) {
	s := newScene(t, coord.Limits{})
	ctx := testContext(t)
	a, b := s.client(), s.client()
	k, m := a.create("condition", "c", "", nil), b.create("condition", "c", "", nil)
	local := s.attach(shm.Condition, "c", "")
	lock, d, list := shm.LockOf(local.Object), s.local.Domain(), shm.WaitersOf(local)

	k.gives("1", "lock")
	first := k.start("wait")
	m.gives("2", "lock")
	second := m.start("wait")
	_, err := lock.Lock(ctx, d, futex.Report)
	require.NoError(t, err)
	require.NoError(t, list.Notify(ctx, 1))
	a.ends() // it waits for the lock
	<-first.done
	require.Error(t, first.err)
	require.NoError(t, lock.Unlock(d))
	second.gives("null")

	w := make(chan error, 1)
	m.gives("null", "unlock")
	_, err = lock.Lock(ctx, d, futex.TakeOver)
	require.NoError(t, err)
	place, err := list.Add(ctx)
	require.NoError(t, err)
	require.NoError(t, lock.Unlock(d))
	go func() {
		err := place.Wait(ctx)
		place.Leave()
		w <- err
	}()
	_, err = m.call(ctx, "lock")
	require.NoError(t, err)
	m.gives("null", "notify", 1)
	require.NoError(t, <-w)
}

func TestBarrier(t *testing.T) {
	s := newScene(t, coord.Limits{})
	a, b := s.client(), s.client()
	x, rest, err := a.tryOpen(coord.Create, "barrier", "b", "", 2)
	require.NoError(t, err)
	require.Equal(t, `true "" [2]`, rest)
	y := b.create("barrier", "b", "", 2)
	waiting := func() bool {
		out, err := y.call(testContext(t), "waiting")
		require.NoError(t, err)
		return out == "1"
	}
	for range 3 {
		first := x.start("wait", 0, false)
		until(t, "a party", waiting)
		y.gives("[1 false]", "wait", uint64(time.Minute), false)
		first.gives("[0 false]")
	}
	cancelled := x.start("wait", 0, false)
	until(t, "a party", waiting)
	cancelled.leaves()
	until(t, "it to leave", func() bool { return !waiting() })
	y.gives("false", "broken")

	first := x.start("wait", 0, false)
	until(t, "a party", waiting)
	y.gives("null", "abort")
	first.fails(errs.ErrBroken)
	y.gives("true", "broken")
	x.fails(errs.ErrBroken, "wait", 0, false)
	y.gives("null", "reset")
	first = x.start("wait", 0, false)
	until(t, "a party", waiting)
	y.gives("null", "reset")
	first.fails(errs.ErrBroken)
	y.gives("false", "broken")
	x.fails(context.DeadlineExceeded, "wait", int(time.Millisecond), false)
	y.gives("true", "broken")
	y.gives("null", "reset")

	first = x.start("wait", 0, false)
	until(t, "a party", waiting)
	a.ends()
	y.gives("true", "broken")
	<-first.done
}

// turn makes the request that arrives last, and returns the number of its turn.
func (o thing) turn() uint64 {
	out, err := o.c.Call(testContext(o.c.t), o.handle, "wait", enc([]any{0, true}), nil)
	require.NoError(o.c.t, err)
	r := coord.NewReader(out)
	r.Args(2)
	turn, run := r.Uint(), r.Bool()
	require.NoError(o.c.t, r.Err())
	require.True(o.c.t, run)
	return turn
}

func TestBarrierAction(t *testing.T) {
	s := newScene(t, coord.Limits{})
	a, b := s.client(), s.client()
	x, y := a.create("barrier", "b", "", 2), b.create("barrier", "b", "", 2)
	meet := shm.RendezvousOf(s.attach(shm.Barrier, "b", ""))
	arrive := func() *pending {
		p := x.start("wait", 0, true)
		until(t, "a party", func() bool { return meet.Waiting() == 1 })
		return p
	}
	for range 2 {
		first := arrive()
		turn := y.turn()
		y.fails(errs.ErrNotFound, "done", turn+1, true)
		x.fails(errs.ErrNotFound, "done", turn, true)
		select {
		case <-first.done:
			require.Fail(t, "released before the action was done")
		default:
		}
		y.gives("1", "done", turn, true)
		first.gives("[0 false]")
		y.fails(errs.ErrNotFound, "done", turn, true)
	}

	first := arrive()
	y.fails(errs.ErrBroken, "done", y.turn(), false)
	first.fails(errs.ErrBroken)
	x.gives("null", "reset")

	first = arrive()
	turn := y.turn()
	x.gives("null", "reset")
	first.fails(errs.ErrBroken)
	y.fails(errs.ErrBroken, "done", turn, true)

	for range 3 * maxTurns { // nobody ever says that they are done
		first = arrive()
		y.turn()
		x.gives("null", "reset")
		first.fails(errs.ErrBroken)
	}
	first = arrive()
	y.gives("1", "done", y.turn(), true)
	first.gives("[0 false]")

	first = arrive() // the handle goes
	y.turn()
	require.NoError(t, b.Release(testContext(t), y.handle))
	first.fails(errs.ErrBroken)
	x.gives("null", "reset")

	first = arrive() // the session goes
	b.create("barrier", "b", "", 2).turn()
	b.Close()
	first.fails(errs.ErrBroken)
	x.gives("null", "reset")

	// Across: the last is local, and then the first.
	first = arrive()
	ran := false
	index, err := meet.Wait(testContext(t), func() error { ran = true; return nil })
	require.NoError(t, err)
	require.Equal(t, 1, index)
	require.True(t, ran)
	first.gives("[0 false]")
	local := make(chan error, 1)
	go func() {
		_, err := meet.Wait(testContext(t), nil)
		local <- err
	}()
	until(t, "a party", func() bool { return meet.Waiting() == 1 })
	x.gives("1", "done", x.turn(), true)
	require.NoError(t, <-local)
}
