package bench

import (
	"context"
	"fmt"
	"sync"

	"github.com/carom-ipc/carom"
)

const dictEntries = 1000

func dictKey(i int) string { return fmt.Sprintf("key-%04d", i%dictEntries) }

// dict is a case over a dict of short strings to integers.
func dict(name string, loop func(ctx context.Context, d *carom.Dict[string, int], keys []string, n int) error) {
	add(inProcess(name, 0, func(e *Env) (func(int) error, error) {
		d, err := carom.NewDict[string, int](e.M, "")
		if _, err := own(e, d, err); err != nil {
			return nil, err
		}
		keys, all := make([]string, dictEntries), map[string]int{}
		for i := range keys {
			keys[i] = dictKey(i)
			all[keys[i]] = 1000 + i
		}
		if err := d.Update(e.ctx, all); err != nil {
			return nil, err
		}
		return func(n int) error { return loop(e.ctx, d, keys, n) }, nil
	}))
}

func init() {
	get := func(ctx context.Context, d *carom.Dict[string, int], keys []string, n int) error {
		for i := range n {
			if _, ok, err := d.Get(ctx, keys[i%len(keys)]); err != nil || !ok {
				return fmt.Errorf("get: there %t: %w", ok, err)
			}
		}
		return nil
	}
	dict("DictGet/impl=carom/procs=2/goroutines=1", get)
	dict("DictGet/impl=carom/procs=2/goroutines=64", func(ctx context.Context, d *carom.Dict[string, int], keys []string, n int) error {
		return spread(64, n, func(n int) error { return get(ctx, d, keys, n) })
	})
	set := func(ctx context.Context, d *carom.Dict[string, int], keys []string, n int) error {
		for i := range n {
			if err := d.Set(ctx, keys[i%len(keys)], i); err != nil {
				return err
			}
		}
		return nil
	}
	dict("DictSet/impl=carom/procs=2/goroutines=1", set)
	dict("DictSet/impl=carom/procs=2/goroutines=64", func(ctx context.Context, d *carom.Dict[string, int], keys []string, n int) error {
		return spread(64, n, func(n int) error { return set(ctx, d, keys, n) })
	})
	dict("DictAddKey/impl=carom/procs=2/goroutines=1", func(ctx context.Context, d *carom.Dict[string, int], keys []string, n int) error {
		for i := range n {
			if _, err := carom.AddKey(ctx, d, keys[i%len(keys)], 1); err != nil {
				return err
			}
		}
		return nil
	})
	// The operation is one key here, not one call.
	dict("DictGetMany/impl=carom/procs=2/keys=100", func(ctx context.Context, d *carom.Dict[string, int], keys []string, n int) error {
		for ; n > 0; n -= 100 {
			if _, err := d.GetMany(ctx, keys[:100]...); err != nil {
				return err
			}
		}
		return nil
	})
	add(inProcess("ListAppend/impl=carom/procs=2", 0, func(e *Env) (func(int) error, error) {
		l, err := carom.NewList[int](e.M, "")
		if _, err := own(e, l, err); err != nil {
			return nil, err
		}
		return func(n int) error {
			for i := range n {
				if err := l.Append(e.ctx, i); err != nil {
					return err
				}
			}
			return l.Clear(e.ctx)
		}, nil
	}))
}

// spread divides n operations among goroutines.
func spread(goroutines, n int, f func(n int) error) error {
	errs := make(chan error, goroutines)
	var all sync.WaitGroup
	for i := range goroutines {
		all.Go(func() { errs <- f((n + i) / goroutines) })
	}
	all.Wait()
	for range goroutines {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}
