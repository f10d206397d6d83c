package cases

import (
	"fmt"

	"github.com/carom-ipc/carom"
)

// Queues through the coordinator, as clients have them that cannot map the memory: what
// the calls of one side cost. Those of the other side are not measured.
func init() {
	for _, way := range ways {
		for _, many := range []int{1, 100} {
			name := "/impl=carom/way=" + way.name
			if many > 1 {
				name += fmt.Sprintf("/batch=%d", many)
			}
			Add(Case{Name: "QueuePut" + name, Open: remoteQueue(way.options, many, 100, true)},
				Case{Name: "QueueGet" + name, Open: remoteQueue(way.options, 100, many, false)})
		}
	}
}

// remoteQueue puts and gets so many items with a call, and measures one of the two.
func remoteQueue(o carom.Options, puts, gets int, putting bool) func(*Env) (Run, error) {
	return func(e *Env) (Run, error) {
		o.Remote = true
		e, err := e.Apart(o)
		if err != nil {
			return nil, err
		}
		q, err := carom.NewQueue[int64](e.M, "")
		if _, err := own(e, q, err); err != nil {
			return nil, err
		}
		put := timed(inBatches(puts, func(list []int64) (int, error) {
			if len(list) == 1 {
				return 1, q.Put(e.Ctx, list[0])
			}
			return q.PutMany(e.Ctx, list)
		}))
		get := timed(inBatches(gets, func(list []int64) (int, error) {
			if len(list) == 1 {
				_, err := q.Get(e.Ctx)
				return 1, err
			}
			return q.GetMany(e.Ctx, list)
		}))
		return func(n int) (Result, error) {
			r, err := put(n)
			if err != nil {
				return r, err
			}
			s, err := get(n)
			if putting {
				return r, err
			}
			return s, err
		}, nil
	}
}

// inBatches calls f until it did n.
func inBatches(many int, f func(list []int64) (int, error)) func(n int) error {
	batch := make([]int64, many)
	return func(n int) error {
		for n > 0 {
			did, err := f(batch[:min(n, many)])
			if err != nil {
				return err
			}
			n -= did
		}
		return nil
	}
}
