package shm

import (
	"context"
	"errors"

	"github.com/carom-ipc/carom/internal/errs"
)

var errCorrupt = errs.ErrCorrupt

func isDeadline(err error) bool { return errors.Is(err, context.DeadlineExceeded) }
