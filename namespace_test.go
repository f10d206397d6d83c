package carom

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNamespace(t *testing.T) {
	m, ctx := testCoordinator(t)
	ns, err := NewNamespace(m, "ns")
	require.NoError(t, err)
	rate, label := Attr[float64]("rate"), Attr[string]("label")
	_, err = rate.Get(ctx, ns)
	require.ErrorIs(t, err, ErrNotFound)
	require.EqualError(t, err, `carom: get Namespace "ns": not found: the namespace has no attribute "rate"`)
	require.NoError(t, rate.Set(ctx, ns, 2.5))
	require.NoError(t, label.Set(ctx, ns, "x"))
	v, err := rate.Get(ctx, ns)
	require.NoError(t, err)
	require.Equal(t, 2.5, v)
	_, err = Attr[int]("label").Get(ctx, ns)
	require.ErrorIs(t, err, ErrType)
	all, err := ns.Attrs(ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"rate": 2.5, "label": "x"}, all)
	require.NoError(t, label.Delete(ctx, ns))
	require.NoError(t, label.Delete(ctx, ns))
	all, err = ns.Attrs(ctx)
	require.NoError(t, err)
	require.Len(t, all, 1)
}
