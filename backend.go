package carom

import (
	"context"
	"time"

	"github.com/carom-ipc/carom/coord"
)

// backend is what objects in the coordinator need of their manager.
type backend interface {
	dial(ctx context.Context) (*coord.Client, error) // the coordinator's client; ErrUnavailable when it is gone
	usable() error                                   // ErrClosed if the manager was closed, or its memory is over
	replaced() error                                 // ErrUnavailable if the coordinator is not that of the memory which this process has
	encode(dst []byte, v any) ([]byte, error)        // appends; deterministic; handles become tags
	decode(b []byte, v any) error                    // into a pointer to a zero value
	timeout() time.Duration                          // bounds constructors and Close, which take no context
}
