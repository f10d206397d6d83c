package cases

import (
	"context"
	"fmt"
	"runtime"

	"github.com/carom-ipc/carom"
)

// Party is one of the processes of a case, as it is told.
type Party struct {
	Role   string
	Op     string // which of the role's operations
	Object string // name of the object, or path, that it works on
	Second string // another one
	Size   int    // of an item
	Many   int    // goroutines, or items a batch
	CPU    int    // to stay on; -1: any
	Number int    // in the cast
	Rounds *carom.Queue[int64]
	Done   *carom.Queue[Finished]
}

// Placed are parties on CPUs by turns, where there are no more than two.
func Placed(list ...Party) []Party {
	for i := range list {
		list[i].CPU = i
		if len(list) > 2 {
			list[i].CPU = -1
		}
	}
	return list
}

// OnOneCPU are parties that never run at the same time.
func OnOneCPU(list ...Party) []Party { return list }

// Anywhere are parties that the kernel puts where it likes.
func Anywhere(list ...Party) []Party {
	for i := range list {
		list[i].CPU = -1
	}
	return list
}

// Finished is what a party says of its round. Times are nanoseconds of the machine's
// monotonic clock.
type Finished struct {
	Party      int // which of the cast, by its number
	Begin, End int64
	Took       int64 // what counts, where that is not all from Begin to End
	Aside      bool  // the party serves others: its times do not count
	Shared     bool  // the parties of a role took from the round as they came
	Did        int64 // operations of this party, if so
	Mallocs    uint64
	Quantiles  [3]int64 // p50, p99, p99.9; 0 where the role does not measure them
	Workers    int64    // goroutines that shared the round; 0: it was not shared
	Least      int64    // operations of the one that did the fewest
}

// Share does n operations of a round.
type Share func(ctx context.Context, n int) (Finished, error)

// Role sets a party up and returns what it does in a round.
type Role func(ctx context.Context, m *carom.Manager, p Party) (Share, error)

// Roles by name.
var Roles = map[string]Role{}

// aside is a share of those who serve the others.
func aside(context.Context, int) (Finished, error) { return Finished{Aside: true}, nil }

var partyWorker = carom.NewWorker("bench.party", func(ctx context.Context, p Party) error {
	m, err := carom.FromEnv(ctx)
	if err != nil {
		return err
	}
	if p.CPU >= 0 {
		if err := pinProcess(p.CPU); err != nil {
			return err
		}
	}
	role, ok := Roles[p.Role]
	if !ok {
		return fmt.Errorf("no role called %q", p.Role)
	}
	do, err := role(ctx, m, p)
	if err != nil {
		return fmt.Errorf("%s: %w", p.Role, err)
	}
	for n, err := range p.Rounds.All(ctx) {
		if err != nil {
			return err
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := monotonic()
		f, err := do(ctx, int(n))
		f.Party, f.Begin, f.End = p.Number, begin, monotonic()
		if err != nil {
			return fmt.Errorf("%s: %w", p.Role, err)
		}
		runtime.ReadMemStats(&after)
		f.Mallocs = after.Mallocs - before.Mallocs
		if err := p.Done.Put(ctx, f); err != nil {
			return err
		}
	}
	return nil
})
