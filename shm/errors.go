package shm

import "github.com/carom-ipc/carom/internal/errs"

var errCorrupt = errs.ErrCorrupt
