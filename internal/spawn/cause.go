package spawn

import (
	"context"
	"errors"
	"fmt"

	"github.com/carom-ipc/carom/internal/errs"
)

// Why a worker's context ends. All wrap context.Canceled.
var (
	ErrManagerClosed   = fmt.Errorf("the manager was %w%w", errs.ErrClosed, canceled)
	ErrParentGone      = fmt.Errorf("the process that started this worker is gone%w", canceled)
	ErrStarterGone     = fmt.Errorf("the process that started the manager is gone%w", canceled)
	ErrCoordinatorGone = fmt.Errorf("the coordinator is gone%w", canceled)
	errContextEnded    = fmt.Errorf("its context ended%w", canceled)
	errTerminated      = fmt.Errorf("terminated (SIGTERM)%w", canceled)
)

// canceled is context.Canceled without words: the causes have their own.
var canceled error = silent{}

type silent struct{}

func (silent) Error() string { return "" }
func (silent) Unwrap() error { return context.Canceled }

// causes are the causes' names between a worker and the process that started it.
var causes = map[string]error{
	"manager": ErrManagerClosed, "parent": ErrParentGone, "starter": ErrStarterGone,
	"coordinator": ErrCoordinatorGone, "context": errContextEnded, "terminated": errTerminated,
}

func causeName(err error) string {
	for name, cause := range causes {
		if errors.Is(err, cause) {
			return name
		}
	}
	return ""
}

// because is a cause, or an error that comes of it, in words that another process said.
type because struct {
	text  string
	cause error
}

func (e *because) Error() string { return e.text }
func (e *because) Unwrap() error { return e.cause }
