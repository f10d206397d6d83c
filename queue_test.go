package carom_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// Byte strings of all sizes, on both sides of what lies inline, come as they were put;
// GetInto uses the caller's memory where it has room.
func TestGetInto(t *testing.T) {
	a, b := twoManagers(t)
	ctx := t.Context()
	put := carom.Must(carom.NewQueue[[]byte](a, "bytes"))
	get := carom.Must(carom.OpenQueue[[]byte](b, "bytes"))
	items := [][]byte{{}, {1}, bytes.Repeat([]byte{2}, 300), nil, bytes.Repeat([]byte{3}, 100_000), {4}}
	into := make([]byte, 0, 4096)
	for round := range 3 {
		for _, want := range items {
			require.NoError(t, put.Put(ctx, want))
			var got []byte
			var err error
			switch round {
			case 0:
				got, err = get.Get(ctx)
			case 1:
				err = get.GetInto(ctx, &got)
			default:
				if got = into; len(want) == 1 {
					got = nil
				}
				err = get.GetInto(ctx, &got)
				if want != nil && len(want) <= cap(into) && len(want) != 1 {
					require.Same(t, &into[:1][0], &got[:1][0])
				}
			}
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	}
	item := make([]byte, 0, 100_000)
	allocs := testing.AllocsPerRun(100, func() {
		for _, n := range []int{64, 5000, 100_000} {
			if put.Put(ctx, item[:n]) != nil || get.GetInto(ctx, &item) != nil {
				panic("no item")
			}
		}
	})
	if !raced {
		require.Less(t, allocs, 1.0)
	}
	item = append(item[:0], "kept"...)
	require.NoError(t, put.CloseWrite())
	require.Equal(t, io.EOF, get.GetInto(ctx, &item))
	require.Equal(t, "kept", string(item))

	texts := carom.Must(carom.NewQueue[string](a, "texts"))
	words := carom.Must(carom.OpenQueue[string](b, "texts"))
	for _, want := range []string{"", "a word", string(bytes.Repeat([]byte("long "), 10_000))} {
		require.NoError(t, texts.Put(ctx, want))
		got, err := words.Get(ctx)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	pairs := carom.Must(carom.NewQueue[[2]int64](a, "pairs"))
	var pair [2]int64
	require.NoError(t, pairs.Put(ctx, [2]int64{1, 2}))
	require.NoError(t, pairs.GetInto(ctx, &pair))
	require.Equal(t, [2]int64{1, 2}, pair)
	lists := carom.Must(carom.NewQueue[[]string](a, "lists"))
	var list []string
	require.NoError(t, lists.Put(ctx, []string{"a", "b"}))
	require.NoError(t, lists.GetInto(context.Background(), &list))
	require.Equal(t, []string{"a", "b"}, list)
}
