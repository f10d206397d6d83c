package crash

import (
	"context"
	"fmt"

	"github.com/carom-ipc/carom/shm"
)

// useLane makes a lane and sends bytes through it, from one end to the other, both in this
// process.
func useLane(a *shm.Arena) error {
	return within(func(ctx context.Context) error {
		mine, err := a.NewLane(ctx)
		if err != nil {
			return err
		}
		defer mine.Close()
		theirs, err := a.OpenLane(ctx, mine.Name())
		if err != nil {
			return err
		}
		defer theirs.Close()
		b := make([]byte, 20<<10)
		for round := range 3 { // beyond the ring's end
			slept := theirs.Doze()
			n, wake, err := mine.Write(b)
			if err != nil || !slept || !wake || n != len(b) {
				return fmt.Errorf("round %d: wrote %d bytes, asleep %t, woken %t: %w", round, n, slept, wake, err)
			}
			if theirs.Doze() {
				return fmt.Errorf("round %d: asleep before %d bytes", round, n)
			}
			if n, err = theirs.Read(b); err != nil || n != len(b) {
				return fmt.Errorf("round %d: read %d bytes: %w", round, n, err)
			}
		}
		return nil
	})
}
