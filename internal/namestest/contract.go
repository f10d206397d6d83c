// Package namestest has tests of directories of names (coord.Names) and of coordinators
// that use one. The tests of packages coord and internal/served import it.
package namestest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
)

// Contract checks what coord.Names promises to one user. n is empty.
func Contract(t *testing.T, n coord.Names) {
	ctx := t.Context()
	seen := map[coord.Identity]bool{}
	list := func() string {
		infos, err := n.List(ctx)
		require.NoError(t, err)
		var all []string
		for _, i := range infos {
			e, err := n.Find(ctx, i.Name)
			require.NoError(t, err)
			require.Equal(t, e, coord.Entry{ID: i.ID, Kind: i.Kind, Type: i.Type})
			all = append(all, fmt.Sprintf("%s %s[%s]", i.Name, i.Kind, i.Type))
		}
		slices.Sort(all)
		return strings.Join(all, ", ")
	}
	claim := func(name, kind, typ string) coord.Entry {
		e, made, err := n.Claim(ctx, name, kind, typ)
		require.NoError(t, err)
		require.True(t, made)
		require.Equal(t, coord.Entry{ID: e.ID, Kind: kind, Type: typ}, e)
		require.NotEmpty(t, e.ID)
		require.LessOrEqual(t, len(e.ID), coord.MaxIdentity)
		require.False(t, seen[e.ID], "an identity is given once")
		seen[e.ID] = true
		return e
	}

	_, err := n.Find(ctx, "x")
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = n.Remove(ctx, "x")
	require.ErrorIs(t, err, errs.ErrNotFound)
	require.Empty(t, list())

	x := claim("x", coord.KindDict, "dict[string]int")
	y := claim("y", "a registered type", "")
	require.Equal(t, "x dict[dict[string]int], y a registered type[]", list())
	for _, kind := range []string{coord.KindDict, coord.KindList, "a registered type"} {
		e, made, err := n.Claim(ctx, "x", kind, "")
		require.NoError(t, err)
		require.False(t, made)
		require.Equal(t, x, e)
	}

	n.Drop("x", y.ID)
	n.Drop("x", "nobody's")
	n.Drop("x", "")
	n.Drop("nobody's", x.ID)
	require.Equal(t, "x dict[dict[string]int], y a registered type[]", list())

	n.Drop("x", x.ID)
	require.Equal(t, "y a registered type[]", list())
	again := claim("x", coord.KindDict, "dict[string]int")
	n.Drop("x", x.ID)
	e, err := n.Remove(ctx, "x")
	require.NoError(t, err)
	require.Equal(t, again, e)
	e, err = n.Remove(ctx, "y")
	require.NoError(t, err)
	require.Equal(t, y, e)
	for range 100 {
		n.Drop("z", claim("z", coord.KindNamespace, "").ID)
	}
	require.Empty(t, list())

	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, made, err := n.Claim(ended, "x", coord.KindList, ""); err != nil {
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, list(), "an error has changed nothing")
	} else {
		require.True(t, made)
	}
}
