package lazy

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimeoutBeginsWithTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := WithTimeout(t.Context(), time.Second)
		defer cancel()
		<-time.After(2 * time.Second)
		require.NoError(t, ctx.Err(), "nobody has asked yet")
		began := time.Now()
		<-ctx.Done()
		require.Equal(t, time.Second, time.Since(began))
		require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
	})
}

func TestTimeoutEndsWithItsParent(t *testing.T) {
	parent, end := context.WithCancel(t.Context())
	ctx, cancel := WithTimeout(parent, time.Hour)
	defer cancel()
	end()
	<-ctx.Done()
	require.ErrorIs(t, ctx.Err(), context.Canceled)
}

func TestCancelBeforeAWait(t *testing.T) {
	ctx, cancel := WithTimeout(t.Context(), time.Hour)
	cancel()
	cancel()
	require.NoError(t, ctx.Err(), "the parent goes on, and there is no timer any more")
}
