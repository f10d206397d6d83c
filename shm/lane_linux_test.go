package shm

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// lanes returns both ends of a lane, each in a process of its own as far as the arena
// can see.
func lanes(t *testing.T) (mine, theirs *Lane) {
	a := newArena(t, 16*mib)
	b := attachAgain(t, a)
	mine, err := a.NewLane(t.Context())
	require.NoError(t, err)
	theirs, err = b.OpenLane(t.Context(), mine.Name())
	require.NoError(t, err)
	return mine, theirs
}

// send writes the numbers below n in chunks of random length, and wakes the other end.
func send(t *testing.T, l *Lane, n uint64, seed uint64, bell chan<- struct{}) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	for i := uint64(0); i < n; {
		chunk := make([]byte, 0, 64<<10)
		for k := 1 + rnd.Uint64N(1+rnd.Uint64N(8000)); k > 0 && i < n; k-- {
			chunk = binary.LittleEndian.AppendUint64(chunk, i)
			i++
		}
		for len(chunk) > 0 {
			k, wake, err := l.Write(chunk)
			require.NoError(t, err)
			chunk = chunk[k:]
			if wake {
				bell <- struct{}{}
			}
			if len(chunk) > 0 {
				require.NoError(t, l.AwaitRoom(t.Context()))
			}
		}
	}
}

// receive reads the numbers below n.
func receive(t *testing.T, l *Lane, n uint64, bell <-chan struct{}) {
	buf := make([]byte, 1000)
	var pending []byte
	for i := uint64(0); i < n; {
		k, err := l.Read(buf)
		require.NoError(t, err)
		if k == 0 && !l.Spin() && l.Doze() {
			<-bell
		}
		for pending = append(pending, buf[:k]...); len(pending) >= 8; pending = pending[8:] {
			require.Equal(t, i, binary.LittleEndian.Uint64(pending))
			i++
		}
	}
}

func TestLaneCarriesBytesBothWays(t *testing.T) {
	mine, theirs := lanes(t)
	const n = 200_000
	done := make(chan struct{}, 4)
	run := func(f func()) { go func() { defer func() { done <- struct{}{} }(); f() }() }
	there, back := make(chan struct{}, 1<<16), make(chan struct{}, 1<<16)
	run(func() { send(t, mine, n, 1, there) })
	run(func() { receive(t, theirs, n, there) })
	run(func() { send(t, theirs, n, 2, back) })
	run(func() { receive(t, mine, n, back) })
	for range 4 {
		<-done
	}
}

func TestLaneGoesWithItsEnds(t *testing.T) {
	before := newArena(t, 16*mib)
	empty, used := before.Stats(), before.head().used
	l, err := before.NewLane(t.Context())
	require.NoError(t, err)
	b := attachAgain(t, before)
	other, err := b.OpenLane(t.Context(), l.Name())
	require.NoError(t, err)
	_, err = b.OpenLane(t.Context(), l.Name())
	require.ErrorIs(t, err, errs.ErrNotFound, "one other end")
	require.Equal(t, empty.Objects, before.Stats().Objects, "it has no name any more")

	_, _, err = l.Write([]byte("last words"))
	require.NoError(t, err)
	l.Close()
	l.Close()
	_, _, err = l.Write(nil)
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = l.Read(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
	buf := make([]byte, 100)
	n, err := other.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "last words", string(buf[:n]))
	require.NotEqual(t, used, before.head().used)
	require.Equal(t, empty.Used, before.Stats().Used, "it is no user's")
	other.Close()
	require.Equal(t, used, before.head().used)
	sound(t, before, true)
}

// A lane is not left behind by a process that dies before the other has opened it.
func TestLaneOfTheDead(t *testing.T) {
	a := newArena(t, 16*mib)
	empty, used := a.Stats(), a.head().used
	c, _ := start(t, a, "lane")
	require.NotEqual(t, used, a.head().used)
	require.NoError(t, c.Process.Kill())
	require.Eventually(t, func() bool { return a.Stats().Recoveries == 1 }, 10*time.Second, time.Millisecond)
	require.Equal(t, used, a.head().used)
	require.Equal(t, empty.Objects, a.Stats().Objects)
	sound(t, a, true)
}

func init() {
	helpers["lane"] = func(a *Arena) {
		if _, err := a.NewLane(context.Background()); err != nil {
			os.Exit(1)
		}
		ready()
	}
}

func TestLaneThatIsCorrupt(t *testing.T) {
	mine, theirs := lanes(t)
	atom.Store64(mine.out.tail, 1<<40)
	_, err := theirs.Read(make([]byte, 1))
	require.ErrorIs(t, err, errs.ErrCorrupt)
	atom.Store64(mine.out.head, 1<<50)
	_, _, err = mine.Write(make([]byte, laneData+1))
	require.ErrorIs(t, err, errs.ErrCorrupt)
}
