package carom_test

import (
	"iter"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// nester returns what no client would read.
type nester struct{}

func (nester) Nest(levels int) (v any) {
	for range levels {
		v = []any{v}
	}
	return v
}

func (n nester) Stream(levels int) iter.Seq[any] {
	return func(yield func(any) bool) { yield(n.Nest(levels)) }
}

func (nester) Garbage(b []byte) cbor.RawMessage { return b }

var nesters = carom.Register[nester]("Nester", func() nester { return nester{} })

// A result that clients cannot read fails its own call, not the connection with all others.
func TestResultsThatCannotBeRead(t *testing.T) {
	m, ctx := startManager(t), t.Context()
	n, err := nesters.New(m, "")
	require.NoError(t, err)
	returned, err := carom.NewDict[string, int](m, "") // has a handle of the session
	require.NoError(t, err)

	for _, levels := range []int{129, 140, 10_000} {
		_, err := carom.Call[any](ctx, n, "Nest", levels)
		require.ErrorIs(t, err, carom.ErrTooLarge, levels)
		for _, err := range carom.Iterate[any](ctx, n, "Stream", levels) {
			require.ErrorIs(t, err, carom.ErrTooLarge, levels)
		}
	}
	require.NotNil(t, call[any](t, n, "Nest", 127))
	for _, garbage := range []string{"\xff", "\x82\x01", "\x01\x02", "\x9f\x01\xff"} { // the last is of indefinite length
		_, err := carom.Call[any](ctx, n, "Garbage", []byte(garbage))
		require.Error(t, err, "%x", garbage)
		require.NotErrorIs(t, err, carom.ErrUnavailable, "%x", garbage)
	}
	require.NoError(t, returned.Set(ctx, "a", 1))
}
