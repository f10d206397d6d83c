package coord

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

func TestDictMethods(t *testing.T) {
	_, c := pair(t, Config{})
	d := open(t, c, KindDict, "d")

	require.Equal(t, "null", invoke(t, c, d, "get", "a"))
	require.Equal(t, "1", invoke(t, c, d, "set", "a", 10))
	require.Equal(t, "2", invoke(t, c, d, "set", "b", 20))
	require.Equal(t, "3", invoke(t, c, d, "set", "a", 11))
	require.Equal(t, "[11 3]", invoke(t, c, d, "get", "a"))
	require.Equal(t, "[[11 3] null [20 2]]", invoke(t, c, d, "getmany", "a", "x", "b"))
	require.Equal(t, "true", invoke(t, c, d, "contains", "a"))
	require.Equal(t, "false", invoke(t, c, d, "contains", "x"))
	require.Equal(t, "2", invoke(t, c, d, "len"))
	require.Equal(t, "[20 2 true]", invoke(t, c, d, "setdefault", "b", 5))
	require.Equal(t, "[5 4 false]", invoke(t, c, d, "setdefault", "c", 5))
	require.Equal(t, "null", invoke(t, c, d, "update", "b", 21, "z", 9))
	require.Equal(t, `[6 6 ["a" 11 3 "b" 21 5 "c" 5 4 "z" 9 6]]`, invoke(t, c, d, "scan", 0, 0, 100))
	require.Equal(t, "[9 6]", invoke(t, c, d, "pop", "z"))
	require.Equal(t, "null", invoke(t, c, d, "pop", "z"))
	require.Equal(t, "true", invoke(t, c, d, "delete", "a"))
	require.Equal(t, "false", invoke(t, c, d, "delete", "a"))
	require.Equal(t, `["c" 5 4]`, invoke(t, c, d, "popitem"))
	require.Equal(t, "null", invoke(t, c, d, "clear"))
	require.Equal(t, "0", invoke(t, c, d, "len"))

	require.Equal(t, "11", invoke(t, c, d, "set", "a", 10), "changes that remove have versions, too")
	require.Equal(t, "[false 11 10]", invoke(t, c, d, "cas", "a", 10, 12))
	require.Equal(t, "[false 0 null]", invoke(t, c, d, "cas", "x", 11, 12))
	require.Equal(t, "[false 11 10]", invoke(t, c, d, "cas", "a", 0, 12))
	require.Equal(t, "[true 12 null]", invoke(t, c, d, "cas", "a", 11, 12))
	require.Equal(t, "[true 13 null]", invoke(t, c, d, "cas", "b", 0, 20))
	require.Equal(t, "[false 12 12]", invoke(t, c, d, "deleteif", "a", 13))
	require.Equal(t, "[false 12 12]", invoke(t, c, d, "deleteif", "a", 0))
	require.Equal(t, "[true 14 null]", invoke(t, c, d, "deleteif", "a", 12))
	require.Equal(t, "[false 0 null]", invoke(t, c, d, "deleteif", "a", 12))
	require.Equal(t, "[false 0 null]", invoke(t, c, d, "deleteif", "a", 0))
	require.Equal(t, `["b" 20 13]`, invoke(t, c, d, "last"))
	require.Equal(t, "false", invoke(t, c, d, "poplast", 12))
	require.Equal(t, "true", invoke(t, c, d, "poplast", 13))
	require.Equal(t, "false", invoke(t, c, d, "poplast", 13))
	_, err := c.Call(testContext(t), d, "last", args(), nil)
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = c.Call(testContext(t), d, "popitem", args(), nil)
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = c.Call(testContext(t), d, "fromkeys", args(), nil)
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = c.Call(testContext(t), d, "set", args("only a key"), nil)
	require.ErrorIs(t, err, errs.ErrType)
}
