package host

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/internal/errs"
)

type shelf struct{ n int }

func (*shelf) Add(context.Context, int) (int, error) { return 0, nil }
func (*shelf) Both() (int, string)                   { return 0, "" }
func (*shelf) Items() iter.Seq[int]                  { return nil }
func (*shelf) Pairs() iter.Seq2[string, int]         { return nil }
func (*shelf) Fail() iter.Seq2[string, error]        { return nil }
func (*shelf) Channel() <-chan int                   { return nil }
func (*shelf) Callback(func())                       {}
func (*shelf) Secret() chan<- int                    { return nil }
func (*shelf) Close() error                          { return nil }

func TestWhatReflectionFinds(t *testing.T) {
	made, err := Register("shelf", reflect.TypeFor[shelf](), func(n int) shelf { return shelf{n} }, Options{})
	require.NoError(t, err)
	require.NoError(t, made.Creates())
	require.Equal(t, []string{"Add", "Both", "Channel", "Fail", "Items", "Pairs"}, made.names)
	for name, want := range map[string]streaming{"Add": atOnce, "Both": atOnce, "Items": values, "Pairs": pairs, "Fail": fallible, "Channel": channel} {
		require.Equal(t, want, made.methods[name].stream, name)
	}
	require.ErrorContains(t, made.unfit["Callback"], "a parameter of type func() cannot come from another process")
	require.ErrorContains(t, made.unfit["Secret"], "a result of type chan<- int cannot go to another process")
	add := made.methods["Add"]
	require.True(t, add.context)
	require.True(t, add.fails)
	require.Equal(t, []reflect.Type{reflect.TypeFor[int]()}, add.params)
	require.Equal(t, []reflect.Type{reflect.TypeFor[int]()}, add.results)

	object, ok := made.object(reflect.ValueOf(shelf{3}))
	require.True(t, ok)
	require.Equal(t, &shelf{3}, object.Interface())
	_, ok = made.object(reflect.ValueOf((*shelf)(nil)))
	require.False(t, ok)
}

func TestTypesWithoutAFactory(t *testing.T) {
	made, err := Register("shelf without a factory", reflect.TypeFor[*shelf](), nil, Options{NoCreate: true})
	require.NoError(t, err)
	require.ErrorIs(t, made.Creates(), errs.ErrType)
	_, err = Register("another", reflect.TypeFor[*shelf](), nil, Options{})
	require.ErrorContains(t, err, "the factory is a <nil>")
}

func TestTypesThatAreRefusedAreUnknown(t *testing.T) {
	_, err := Register("refused", reflect.TypeFor[*shelf](), func() *shelf { return nil }, Options{Exposed: []string{"Missing"}})
	require.ErrorContains(t, err, "Missing")
	h, err := New(Config{Codec: codec.CBOR})
	require.NoError(t, err)
	require.NotContains(t, h.Kinds(), "refused")
}

func TestInitializers(t *testing.T) {
	ctx := t.Context()
	require.ErrorIs(t, RunInitializer(ctx, "none", nil), errs.ErrNotFound)
	for _, f := range []any{nil, 1, func() {}, func(int) error { return nil }, func(context.Context) int { return 0 }, (func(context.Context) error)(nil)} {
		require.ErrorContains(t, RegisterInitializer("wrong", f), "want a func(context.Context, args...) error")
	}
	broken := errors.New("broken")
	require.NoError(t, RegisterInitializer("sum", func(_ context.Context, n int, more ...int) error {
		if len(more) == 0 {
			panic(n)
		}
		return broken
	}))
	args, err := codec.Encode([]any{1, 2})
	require.NoError(t, err)
	require.ErrorIs(t, RunInitializer(ctx, "sum", args), broken)
	args, err = codec.Encode([]any{7})
	require.NoError(t, err)
	var remote *errs.RemoteError
	require.ErrorAs(t, RunInitializer(ctx, "sum", args), &remote)
	require.Contains(t, remote.Message, "panic: 7")
	args, err = codec.Encode([]any{"text"})
	require.NoError(t, err)
	require.ErrorIs(t, RunInitializer(ctx, "sum", args), errs.ErrType)
}
