package carom_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// A condition that is closed while its waiter, which was notified, wants a lock that somebody
// holds: the wait ends at once, without the lock, and the notification is another waiter's.
func TestConditionClosedBeforeItsLock(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	rows := []struct {
		name  string
		given bool // the condition's creator gave it a lock
		open  func(m *carom.Manager) *carom.Condition
		waits bool // where the coordinator takes the lock, it waits for that in any case
	}{
		{name: "own lock", open: func(m *carom.Manager) *carom.Condition { return carom.Must(carom.OpenCondition(m, "c")) }},
		{name: "found lock", given: true, waits: true, open: func(m *carom.Manager) *carom.Condition { return carom.Must(carom.OpenCondition(m, "c")) }},
		{name: "given lock", given: true, waits: true, open: func(m *carom.Manager) *carom.Condition {
			return carom.Must(carom.NewCondition(m, "c", carom.Must(carom.OpenLock(m, "lock"))))
		}},
	}
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				var lock *carom.Lock
				if row.given {
					lock = carom.Must(carom.NewLock(a, "lock"))
				}
				c := carom.Must(carom.NewCondition(a, "c", lock))
				last := row.open(b)
				for range 20 {
					waiting := func(c *carom.Condition) (got chan error) {
						got = make(chan error, 1)
						require.NoError(t, c.L().Lock(ctx))
						go func() {
							err := c.Wait(ctx)
							if err == nil {
								err = c.L().Unlock()
							}
							got <- err
						}()
						return got
					}
					first := row.open(b)
					gotFirst := waiting(first)
					gotLast := waiting(last) // has the lock, so the first waits
					require.NoError(t, c.L().Lock(ctx))
					require.NoError(t, c.Notify(1))
					for range random.IntN(1000) {
						random.Uint64()
					}
					require.NoError(t, first.Close())
					if row.given {
						_ = first.L().Close() // ErrClosed if it went with the condition
					}
					if row.waits {
						require.NoError(t, c.L().Unlock())
						require.ErrorIs(t, <-gotFirst, carom.ErrClosed)
					} else {
						require.ErrorIs(t, <-gotFirst, carom.ErrClosed)
						require.NoError(t, c.L().Unlock())
					}
					select {
					case err := <-gotLast:
						require.NoError(t, err)
					case <-time.After(10 * time.Second):
						require.Fail(t, "the notification is lost")
					}
					require.NoError(t, c.L().TryLock(), "nobody has the lock")
					require.NoError(t, c.L().Unlock())
				}
				require.NoError(t, last.Close())
				require.NoError(t, c.Close())
				require.NoError(t, a.Remove(ctx, "c"))
			})
		}
		sound(t, a)
	})
}
