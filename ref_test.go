package carom_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

func TestHandlesInContainers(t *testing.T) {
	a, b := twoManagers(t)
	ctx := t.Context()
	v := carom.Must(carom.NewValue[int64](a, "v", carom.Initial(7)))
	inner := carom.Must(carom.NewDict[string, int](a, "inner"))
	require.NoError(t, inner.Set(ctx, "x", 1))
	s := carom.Must(carom.NewBoundedSemaphore(a, "s", 2))

	d := carom.Must(carom.NewDict[string, any](a, "d"))
	require.NoError(t, d.Set(ctx, "v", v))
	require.NoError(t, d.Set(ctx, "inner", inner))
	e := carom.Must(carom.OpenDict[string, any](b, "d"))
	got, ok, err := e.Get(ctx, "v")
	require.NoError(t, err)
	require.True(t, ok)
	ref, ok := got.(carom.Ref)
	require.True(t, ok, "%T", got)
	require.Equal(t, "Value", ref.Kind())
	w := carom.Must(carom.OpenValue[int64](ref.Manager(), ref.Name()))
	require.EqualValues(t, 8, carom.Add(w, 1))
	require.EqualValues(t, 8, v.Load())

	typed := carom.Must(carom.NewDict[string, *carom.Dict[string, int]](a, "typed"))
	require.NoError(t, typed.Set(ctx, "inner", inner))
	nested, ok, err := typed.Get(ctx, "inner")
	require.NoError(t, err)
	require.True(t, ok)
	n, _, err := nested.Get(ctx, "x")
	require.NoError(t, err)
	require.Equal(t, 1, n)

	q := carom.Must(carom.NewQueue[struct {
		S *carom.BoundedSemaphore
		V *carom.Value[int64]
		N *carom.Value[int64]
	}](a, "q"))
	item := struct {
		S *carom.BoundedSemaphore
		V *carom.Value[int64]
		N *carom.Value[int64]
	}{S: s, V: v}
	require.NoError(t, q.Put(ctx, item))
	out, err := q.Get(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 8, out.V.Load())
	require.Nil(t, out.N)
	require.NoError(t, out.S.Acquire(ctx))
	require.Equal(t, 1, s.Value())

	l := carom.Must(carom.NewList[*carom.Value[int64]](a, "l"))
	require.NoError(t, l.Append(ctx, v, v))
	vs, err := l.Snapshot(ctx)
	require.NoError(t, err)
	require.Len(t, vs, 2)
	require.EqualValues(t, 8, vs[1].Load())
	sound(t, a)
}
