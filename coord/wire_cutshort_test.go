package coord

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// A text that no frame has room for costs its end, not the connection.
func TestErrorsLongerThanAFrame(t *testing.T) {
	long := strings.Repeat("€", 100_000)
	failing := map[string]error{
		"own":    errors.New(long),
		"coded":  fmt.Errorf("%w: %s", errs.ErrFull, long),
		"remote": &errs.RemoteError{Type: "T" + long, Method: "M", Message: long},
	}
	_, c := pair(t, Config{
		Limits: Limits{Frame: 64 << 10},
		Kinds: map[string]Kind{"failing": KindFunc(func(_ context.Context, _ *Session, _, _ string, _ []byte) (Object, error) {
			return failingObject(failing), nil
		})},
	})
	id, ctx := open(t, c, "failing", "f"), testContext(t)
	_, err := c.Call(ctx, id, "coded", args(), nil)
	require.ErrorIs(t, err, errs.ErrFull)
	require.ErrorContains(t, err, "€€€")
	for _, method := range []string{"own", "remote"} {
		var remote *errs.RemoteError
		_, err = c.Call(ctx, id, method, args(), nil)
		require.ErrorAs(t, err, &remote)
		require.Greater(t, len(remote.Message), 10_000)
		require.True(t, strings.HasPrefix(long, remote.Message), "cut between characters")
	}
	require.NoError(t, c.Ping(ctx))
	require.EqualValues(t, 1, c.Generation(), "the session goes on")
}

type failingObject map[string]error

func (f failingObject) Call(_ context.Context, _ *Session, method string, _, dst []byte) ([]byte, error) {
	return dst, f[method]
}

func (failingObject) Close() {}
