package futex

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// Who was woken to take a lock, found it taken by another who barged in, and gives up,
// leaves others asleep of whom the new owner's word knows nothing.
func TestMutexGivingUpPassesOn(t *testing.T) {
	w := new(world)
	m := w.mutex()
	owner, barger, quitter := w.join(t, 1), w.join(t, 2), w.join(t, 3)
	_, err := m.Lock(t.Context(), barger, Report)
	require.NoError(t, err)
	got := make(chan error, 1)
	go func() { _, err := m.Lock(context.Background(), owner, Report); got <- err }()
	sleeping(owner, 1)
	// As Unlock did, with its one wake-up used by the quitter, and a Lock since.
	atom.Store32(&m.word, uint32(barger.Self()))
	m.passOn(quitter)
	require.NoError(t, m.Unlock(barger))
	select {
	case err := <-got:
		require.NoError(t, err)
	case <-time.After(5 * time.Second):
		t.Fatal("asleep beside a free lock")
	}
}

// A waiter that starved has the lock reserved. If it gives up, the reservation is
// nobody's, and TryLock takes the lock.
func TestTryLockAfterStarvedGaveUp(t *testing.T) {
	each(t, func(t *testing.T) {
		w := new(world)
		m := w.mutex()
		a, b := w.join(t, 1), w.join(t, 2)
		_, err := m.Lock(t.Context(), a, Report)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan error, 1)
		go func() { _, err := m.Lock(ctx, b, Report); got <- err }()
		for atom.Load32(&m.word)&handoff == 0 {
			sleeping(b, 1)
			wake(&m.word, 1) // spurious: it looks again, and finds that it starves
		}
		cancel()
		require.ErrorIs(t, <-got, context.Canceled)
		require.NoError(t, m.Unlock(a))
		_, err = m.TryLock(a, Report)
		require.NoError(t, err)
		_, err = m.TryLock(b, Report)
		require.ErrorIs(t, err, errs.ErrLocked)
		require.NoError(t, m.Unlock(a))
	})
}

// A process that died between the change of a bucket and the wake-up of the hubs that
// sleep on it had its word in its record: the sweep wakes the hubs too.
func TestRecoverWakesHubs(t *testing.T) {
	w := new(world)
	a, b := w.join(t, 1), w.join(t, 2)
	b.freeWaits.Store(0) // everybody parks
	defer b.freeWaits.Store(b.allWaits)
	e := w.event()
	got := make(chan error, 1)
	go func() { got <- e.Wait(context.Background(), b) }()
	i, group := a.bucket(&e.word)
	bucket := &w.park[i]
	for atom.Load32(bucket)&1 == 0 {
		time.Sleep(100 * time.Microsecond)
	}
	require.Never(t, func() bool { return len(got) > 0 }, 20*time.Millisecond, time.Millisecond)
	// What the dead one did.
	atom.Store64(&w.recs[3][0], a.offset(&e.word))
	atom.Store32(&e.word, eventStep|eventSet)
	require.True(t, ringBucket(bucket, group))
	a.Recover(w.recs[3][:1], nil, 1<<30)
	select {
	case err := <-got:
		require.NoError(t, err)
	case <-time.After(5 * time.Second):
		t.Fatal("asleep beside an event that is set")
	}
}
