// Sharedcache: four processes share a cache, and compute each entry once.
package main

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"

	"github.com/carom-ipc/carom"
)

const (
	workers = 4
	lookups = 5
	keys    = 10
)

type job struct {
	Cache  *carom.Dict[string, int]
	Lock   *carom.Lock
	Misses *carom.Value[int64]
	Worker int
}

var look = carom.NewWorker("look", func(ctx context.Context, j job) error {
	for range lookups {
		key := fmt.Sprintf("key_%d", 1+rand.N(keys))
		err := j.Lock.Do(ctx, func() error { return j.lookUp(ctx, key) })
		if err != nil {
			return err
		}
	}
	return nil
})

// lookUp runs with the lock held: between its look and its store nobody else computes.
func (j job) lookUp(ctx context.Context, key string) error {
	value, ok, err := j.Cache.Get(ctx, key)
	if err != nil {
		return err
	}
	if ok {
		fmt.Printf("worker %d: hit, %s = %d\n", j.Worker, key, value)
		return nil
	}
	value = 100 + rand.N(900) // the expensive computation
	if err := j.Cache.Set(ctx, key, value); err != nil {
		return err
	}
	carom.Add(j.Misses, 1)
	fmt.Printf("worker %d: miss, computed %s = %d\n", j.Worker, key, value)
	return nil
}

func main() {
	carom.Init()
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	m, err := carom.Start(ctx, nil)
	if err != nil {
		return err
	}
	defer m.Close()
	cache, err := carom.NewDict[string, int](m, "cache")
	if err != nil {
		return err
	}
	// An entry is there or it is not, so there is nothing to repair after an owner's death.
	lock, err := carom.NewLock(m, "cache.lock", carom.AutoRecover())
	if err != nil {
		return err
	}
	misses, err := carom.NewValue[int64](m, "misses")
	if err != nil {
		return err
	}

	g := carom.NewGroup(ctx, m)
	for i := range workers {
		look.Go(g, job{cache, lock, misses, i})
	}
	if err := g.Wait(); err != nil {
		return err
	}

	final, err := cache.Snapshot(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%d lookups, %d computed\n", workers*lookups, misses.Load())
	fmt.Println("final cache:", final)
	return nil
}
