// Customcounter: an object of a type of one's own in the coordinator, used by three worker
// processes.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/carom-ipc/carom"
)

type job struct {
	Counter    Counter
	Worker     int
	Operations int
}

var count = carom.NewWorker("count", func(ctx context.Context, j job) error {
	for i := range j.Operations {
		change, verb := j.Counter.Increment, "incremented"
		if i%2 == 1 {
			change, verb = j.Counter.Decrement, "decremented"
		}
		value, err := change(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("worker %d: %s to %d\n", j.Worker, verb, value)
	}
	return nil
})

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
	counter, err := NewCounter(m, "counter")
	if err != nil {
		return err
	}
	value, err := counter.Value(ctx)
	if err != nil {
		return err
	}
	fmt.Println("initial value:", value)

	g := carom.NewGroup(ctx, m)
	for i := range 3 {
		count.Go(g, job{counter, i, 5})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if value, err = counter.Value(ctx); err != nil {
		return err
	}
	fmt.Println("final value:", value)
	return nil
}
