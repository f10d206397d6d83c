package spawn

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

func TestCauses(t *testing.T) {
	for name, cause := range causes {
		require.ErrorIs(t, cause, context.Canceled, name)
		require.Equal(t, cause == ErrManagerClosed, errors.Is(cause, errs.ErrClosed), name)
		require.Equal(t, name, causeName(cause))
		require.NotContains(t, cause.Error(), "context canceled")
	}
	require.Equal(t, "the manager was closed", ErrManagerClosed.Error())
	require.Empty(t, causeName(context.Canceled))
}

// A worker's error says what ended its context, if it comes of that.
func TestLastWord(t *testing.T) {
	ended, cancel := context.WithCancelCause(context.Background())
	cancel(errTerminated)
	for name, c := range map[string]struct {
		ctx         context.Context
		err         error
		text, cause string
	}{
		"before":           {context.Background(), context.Canceled, "context canceled", ""},
		"its context's":    {ended, ended.Err(), "terminated (SIGTERM)", "terminated"},
		"the cause":        {ended, fmt.Errorf("work: %w", errTerminated), "work: terminated (SIGTERM)", "terminated"},
		"of the context's": {ended, fmt.Errorf("work: %w", context.Canceled), "work: context canceled: terminated (SIGTERM)", "terminated"},
		"of its own":       {ended, errs.ErrFull, "full: would block", ""},
	} {
		m := lastWord(c.ctx, c.err)
		require.Equal(t, c.text, m.Text, name)
		require.Equal(t, c.cause, m.Cause, name)
		require.Equal(t, kindError, m.Kind, name)
	}
}
