//go:build !carom_sched

package shm

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// bareSpec is of an object whose memory is used without Enter.
func bareSpec(name string, bytes uint64) Spec {
	return Spec{Name: name, Kind: Array, Payload: ArrayPayload(1, bytes), Param: bytes}
}

// closeBare opens an object, uses it as who makes single accesses, and closes it.
func closeBare(t testing.TB, a *Arena, name string, bytes uint64) *Object {
	h := opened(t, a, bareSpec(name, bytes))
	_ = Elements[byte](h.Object, int(bytes))
	require.NoError(t, h.Close(context.Background()))
	return h.Object
}

// resting is how many objects are in quarantine, and how many bytes.
func resting(a *Arena) (n int, bytes uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for o := a.quarantine.first; o != nil; o = o.after {
		n++
	}
	return n, a.quarantine.bytes
}

// What single accesses may still reach stays attached for a second, and is detached then.
func TestQuarantine(t *testing.T) {
	a := newArena(t, 8*mib)
	begin := time.Now()
	o := closeBare(t, a, "x", 100)
	require.NoError(t, a.Remove(t.Context(), "x"))
	require.Contains(t, a.objects, o.Index)
	counted := opened(t, a, bareSpec("counted", 100)) // whose places nobody asked for
	require.NoError(t, counted.Close(t.Context()))
	require.NotContains(t, a.objects, counted.Index)
	require.NoError(t, a.Remove(t.Context(), "counted"))
	guest := newGuest(t, a)
	theirs := closeBare(t, guest, "theirs", 100) // a guest's calls are all counted
	require.NotContains(t, guest.objects, theirs.Index)
	require.NoError(t, a.Remove(t.Context(), "theirs"))
	eventually(t, "it is detached", func() bool { n, _ := resting(a); return n == 0 })
	require.GreaterOrEqual(t, time.Since(begin), quarantineTime)
	require.Zero(t, a.Stats().Used)
	a.mu.Lock()
	require.Nil(t, a.quarantine.stop, "a timer for nothing")
	a.mu.Unlock()
	sound(t, a, true)
}

// Whoever opens an object that is in quarantine has it as before.
func TestQuarantineGivesBack(t *testing.T) {
	a := newArena(t, 8*mib)
	o := closeBare(t, a, "x", 100)
	h := opened(t, a, bareSpec("x", 100))
	require.Same(t, o, h.Object)
	n, bytes := resting(a)
	require.Zero(t, n)
	require.Zero(t, bytes)
	require.NoError(t, a.Flush(t.Context()))
	require.Contains(t, a.objects, o.Index)
	Elements[byte](h.Object, 100)[99] = 1
	require.NoError(t, h.Close(t.Context()))
	require.NoError(t, a.Flush(t.Context()))
	require.NotContains(t, a.objects, o.Index)
	sound(t, a, true)
}

// Beyond a sixteenth of the budget the oldest go early.
func TestQuarantineIsBounded(t *testing.T) {
	a := newArena(t, 8*mib)
	var all []*Object
	for i := range 64 {
		all = append(all, closeBare(t, a, fmt.Sprint(i), 20_000))
		n, bytes := resting(a)
		require.LessOrEqual(t, bytes, a.quarantineBytes())
		require.NotZero(t, n)
		sum := uint64(0)
		for k, o := range all { // the youngest are there
			if k >= len(all)-n {
				require.Contains(t, a.objects, o.Index)
				sum += o.bytes
			} else if k < len(all)-n {
				require.False(t, o.resting)
			}
		}
		require.Equal(t, bytes, sum)
	}
	n, _ := resting(a)
	require.Less(t, n, 64)
	sound(t, a, true)
}

// Memory that is in quarantine is there for those who need it, also a guest.
func TestQuarantineMakesRoom(t *testing.T) {
	a := newArena(t, 4*mib)
	for _, user := range []*Arena{a, newGuest(t, a)} {
		var last *Handle
		for i := 0; ; i++ {
			h, _, err := user.Open(t.Context(), bareSpec(fmt.Sprint(i), 100_000))
			if err != nil {
				require.ErrorIs(t, err, errs.ErrNoMemory)
				break
			}
			last = h
		}
		require.NoError(t, a.Remove(t.Context(), last.Name))
		require.NoError(t, last.Close(t.Context()))
		closeBare(t, a, "kept", 100_000)
		require.NoError(t, a.Remove(t.Context(), "kept"))
		n, _ := resting(a)
		require.Equal(t, 1, n)
		again := opened(t, user, bareSpec("again", 100_000))
		n, _ = resting(a)
		require.Zero(t, n)
		require.NoError(t, again.Close(t.Context()))
		require.NoError(t, a.Remove(t.Context(), "again"))
		sound(t, a, true)
		require.NoError(t, a.List(t.Context(), func(i Info) bool { return a.Remove(t.Context(), i.Name) == nil }))
	}
}
