package coord

import (
	"fmt"
	"sync/atomic"

	"github.com/carom-ipc/carom/internal/errs"
)

// Budget counts the bytes that dynamic objects hold and refuses more than its
// limit.
type Budget struct {
	limit int64
	used  atomic.Int64
}

// Reserve takes n bytes, which may be negative to give some back. It fails
// with ErrNoMemory, having taken nothing, if that would exceed the limit.
func (b *Budget) Reserve(n int64) error {
	if b.used.Add(n) > b.limit && n > 0 {
		b.used.Add(-n)
		return fmt.Errorf("%w: %d more bytes, %d of %d are in use", errs.ErrNoMemory, n, b.used.Load(), b.limit)
	}
	return nil
}

// Free gives n bytes back.
func (b *Budget) Free(n int64) { b.used.Add(-n) }

// Used is the number of bytes in use.
func (b *Budget) Used() int64 { return b.used.Load() }
