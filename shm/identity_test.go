package shm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// The arena uses entries again, serials never, whichever process makes and removes objects.
func TestSerialsAreNeverReused(t *testing.T) {
	a := newArena(t, 16*mib)
	b := attachAgain(t, a)
	seen := map[uint64]bool{}
	entries := map[uint32]bool{}
	for i := range 64 {
		by := []*Arena{a, b}[i%2]
		o, created, err := by.Open(t.Context(), Spec{Name: "x", Kind: Value, Type: "int64", Payload: CellPayload(8)})
		require.NoError(t, err)
		require.True(t, created)
		require.NotZero(t, o.Serial)
		require.False(t, seen[o.Serial], "serial %d", o.Serial)
		seen[o.Serial], entries[o.Index] = true, true

		r, typ, err := a.Find(t.Context(), "x")
		require.NoError(t, err)
		require.Equal(t, o.Ref, r)
		require.Equal(t, "int64", typ)
		require.NoError(t, a.List(t.Context(), func(i Info) bool {
			require.Equal(t, [2]uint64{uint64(o.Index), o.Serial}, [2]uint64{uint64(i.Index), i.Serial})
			return true
		}))
		require.NoError(t, by.Remove(t.Context(), "x"))
		require.NoError(t, o.Close(t.Context()))
		require.NoError(t, by.Flush(t.Context()))
		_, _, err = b.Find(t.Context(), "x")
		require.ErrorIs(t, err, errs.ErrNotFound)
	}
	require.Len(t, entries, 1)
	sound(t, a, true)
}

// Drop takes a name only from the object that is meant.
func TestDropIsOfOneObject(t *testing.T) {
	a := newArena(t, 16*mib)
	open := func(name string, k Kind) *Handle {
		o, created, err := a.Open(t.Context(), Spec{Name: name, Kind: k})
		require.NoError(t, err)
		require.True(t, created)
		return o
	}
	for _, k := range []Kind{Dict, Custom} {
		old := open("x", k).Serial
		require.NoError(t, a.Drop(t.Context(), "x", old))
		require.ErrorIs(t, a.Drop(t.Context(), "x", old), errs.ErrNotFound)
		now := open("x", k).Serial
		require.ErrorIs(t, a.Drop(t.Context(), "x", old), errs.ErrNotFound)
		require.ErrorIs(t, a.Drop(t.Context(), "x", 0), errs.ErrNotFound)
		r, _, err := a.Find(t.Context(), "x")
		require.NoError(t, err)
		require.Equal(t, now, r.Serial)
		require.NoError(t, a.Drop(t.Context(), "x", now))
		sound(t, a, true)
		require.Zero(t, a.Stats().Used, "it is detached, and its memory is free")
	}

	o, _, err := a.Open(t.Context(), Spec{Name: "v", Kind: Value, Type: "int64", Payload: CellPayload(8)})
	require.NoError(t, err)
	require.NoError(t, a.Drop(t.Context(), "v", o.Serial))
	require.False(t, o.Closed(), "what lives in the arena stays attached")
	require.NoError(t, o.Close(t.Context()))
	require.NoError(t, a.Flush(t.Context()))
	require.Zero(t, a.Stats().Used)
}

// A small object still costs about 100 bytes.
func TestSmallObjectsAreSmall(t *testing.T) {
	a := newArena(t, 16*mib)
	_, _, err := a.Open(t.Context(), Spec{Name: "a short name", Kind: Value, Type: "int64", Payload: CellPayload(8)})
	require.NoError(t, err)
	require.LessOrEqual(t, a.Stats().Used, int64(100))
}

// A condition's lock is the one that it was given, not another that has its entry or its name
// by now, for whoever opens it.
func TestConditionLockIsOneObject(t *testing.T) {
	a := newArena(t, 16*mib)
	open := func(s Spec) *Handle {
		h, _, err := a.Open(t.Context(), s)
		require.NoError(t, err)
		return h
	}
	gone := func(h *Handle) {
		require.NoError(t, a.Remove(t.Context(), h.Name))
		require.NoError(t, h.Close(t.Context()))
		require.NoError(t, a.Flush(t.Context()))
	}
	first := open(Spec{Name: "first", Kind: Lock, Payload: LockPayload})
	old := first.Ref
	c := open(ConditionSpec("c", first.Object))
	lock, err := ConditionLock(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, old, lock.Ref)
	require.Equal(t, "first", lock.Name)
	require.NoError(t, lock.Close(t.Context()))
	gone(first)
	_, err = ConditionLock(t.Context(), c)
	require.ErrorIs(t, err, errs.ErrNotFound)
	for _, name := range []string{"another", "first"} {
		now := open(Spec{Name: name, Kind: Lock, Payload: LockPayload})
		require.Equal(t, old.Index, now.Index, "it has the entry")
		_, err = ConditionLock(t.Context(), c)
		require.ErrorIs(t, err, errs.ErrNotFound, name)
		_, _, err = a.Open(t.Context(), ConditionSpec("c", now.Object))
		require.ErrorIs(t, err, errs.ErrType, name)
		gone(now)
	}
	lock, err = ConditionLock(t.Context(), open(ConditionSpec("own", nil)))
	require.NoError(t, err)
	require.Nil(t, lock)
}
