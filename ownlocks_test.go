package carom_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// A value's or an array's own lock goes with the handle that gave it out, whenever it did.
func TestOwnLocksGoWithTheirHandle(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		type locked interface {
			Lock() *carom.Lock
			Close() error
		}
		for _, open := range []func() locked{
			func() locked { return carom.Must(carom.NewValue[int64](b, "value")) },
			func() locked { return carom.Must(carom.NewArray[int64](b, "array", 3)) },
		} {
			x := open()
			before := x.Lock()
			require.NoError(t, before.TryLock())
			require.NoError(t, before.Unlock())
			require.NoError(t, x.Close())
			for _, l := range []*carom.Lock{before, x.Lock()} {
				require.ErrorIs(t, l.TryLock(), carom.ErrClosed)
				require.ErrorIs(t, l.Err(), carom.ErrClosed)
				require.ErrorIs(t, l.Close(), carom.ErrClosed)
			}
			require.ErrorIs(t, x.Close(), carom.ErrClosed)
			for range 200 { // Lock beside Close
				x := open()
				got, began := make(chan *carom.Lock), make(chan bool)
				go func() {
					close(began)
					got <- x.Lock()
				}()
				<-began
				runtime.Gosched()
				require.NoError(t, x.Close())
				require.ErrorIs(t, (<-got).TryLock(), carom.ErrClosed)
			}
		}
		sound(t, a)
	})
}
