package carom_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// A program's types in one version and in the next, which has a field more and one less.
type (
	orderThen struct {
		ID   int
		Who  string
		Gone bool
	}
	orderNow struct {
		ID   int
		Who  string
		More []string
	}
	orderOther struct {
		ID  string
		Who string
	}
	keyThen struct{ A string }
	keyNow  struct{ A, B string }
	rowThen struct{ A int64 }
	rowNow  struct{ A, B int64 }
)

// Programs of both versions use an object at the same time, whichever made it.
func TestStructsThatGainFields(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		then, now := orderThen{1, "then", true}, orderNow{2, "now", []string{"x"}}

		q := carom.Must(carom.NewQueue[orderThen](a, "q"))
		p := carom.Must(carom.NewQueue[orderNow](b, "q"))
		require.NoError(t, q.Put(ctx, then))
		require.NoError(t, p.Put(ctx, now))
		require.Equal(t, orderNow{ID: 1, Who: "then"}, carom.Must(p.Get(ctx)))
		require.Equal(t, orderThen{ID: 2, Who: "now"}, carom.Must(q.Get(ctx)))

		d := carom.Must(carom.NewDict[string, orderNow](b, "d"))
		e := carom.Must(carom.OpenDict[string, *orderThen](a, "d"))
		require.NoError(t, d.Set(ctx, "k", now))
		v, ok, err := e.Get(ctx, "k")
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, &orderThen{ID: 2, Who: "now"}, v)
		require.NoError(t, e.Set(ctx, "k", &then))
		w, _, err := d.Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, orderNow{ID: 1, Who: "then"}, w)

		l := carom.Must(carom.NewList[map[string]orderThen](a, "l"))
		k := carom.Must(carom.NewList[map[string]orderNow](b, "l"))
		require.NoError(t, l.Append(ctx, map[string]orderThen{"k": then}))
		require.Equal(t, map[string]orderNow{"k": {ID: 1, Who: "then"}}, carom.Must(k.Get(ctx, 0)))

		ns, ms := carom.Must(carom.NewNamespace(a, "ns")), carom.Must(carom.NewNamespace(b, "ns"))
		require.NoError(t, carom.Attr[orderThen]("x").Set(ctx, ns, then))
		require.Equal(t, orderNow{ID: 1, Who: "then"}, carom.Must(carom.Attr[orderNow]("x").Get(ctx, ms)))

		// What cannot be read is refused, and says where.
		_, err = carom.NewQueue[orderOther](b, "q")
		require.ErrorIs(t, err, carom.ErrType)
		require.ErrorContains(t, err, "ID is int there and string here: a field that changes its type needs a new name")
		_, err = carom.OpenDict[string, orderOther](a, "d")
		require.ErrorIs(t, err, carom.ErrType)
		require.ErrorContains(t, err, "ID is int there and string here")
		_, err = carom.OpenList[[]orderThen](b, "l")
		require.ErrorIs(t, err, carom.ErrType)
		_, err = carom.Attr[orderOther]("x").Get(ctx, ms)
		require.ErrorIs(t, err, carom.ErrType)

		// Keys, and what lies in memory as it is, stay exact.
		carom.Must(carom.NewDict[keyThen, int](a, "keys"))
		_, err = carom.NewDict[keyNow, int](b, "keys")
		require.ErrorIs(t, err, carom.ErrType)
		require.ErrorContains(t, err, "keys")
		carom.Must(carom.NewValue[rowThen](a, "value"))
		_, err = carom.NewValue[rowNow](b, "value")
		require.ErrorIs(t, err, carom.ErrType)
		carom.Must(carom.NewArray[rowThen](a, "array", 3))
		_, err = carom.NewArray[rowNow](b, "array", 3)
		require.ErrorIs(t, err, carom.ErrType)
		carom.Must(carom.NewQueue[rowThen](a, "rows"))
		_, err = carom.NewQueue[rowNow](b, "rows")
		require.ErrorIs(t, err, carom.ErrType)
		require.ErrorContains(t, err, "in memory")
		_, err = carom.NewQueue[*rowThen](b, "rows")
		require.ErrorIs(t, err, carom.ErrType)
	})
}
