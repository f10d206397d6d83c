// Producerconsumers: one process makes items, two others take them from a queue and
// count them in a shared dict; an event tells the program when the last one was made.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/carom-ipc/carom"
)

const items = 10

type job struct {
	Queue    *carom.Queue[string]
	Produced *carom.Event
	Stats    *carom.Dict[string, int]
	Consumer int
}

var produce = carom.NewWorker("produce", func(ctx context.Context, j job) error {
	for i := range items {
		item := fmt.Sprintf("item_%d", i)
		if err := j.Queue.Put(ctx, item); err != nil {
			return err
		}
		if _, err := carom.AddKey(ctx, j.Stats, "produced", 1); err != nil {
			return err
		}
		fmt.Println("produced", item)
	}
	if err := j.Queue.CloseWrite(); err != nil { // consumers drain the queue and end
		return err
	}
	return j.Produced.Set()
})

var consume = carom.NewWorker("consume", func(ctx context.Context, j job) error {
	for item, err := range j.Queue.All(ctx) {
		if err != nil {
			return err
		}
		if _, err := carom.AddKey(ctx, j.Stats, fmt.Sprintf("consumer_%d", j.Consumer), 1); err != nil {
			return err
		}
		fmt.Printf("consumer %d took %s\n", j.Consumer, item)
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
	queue, err := carom.NewQueue[string](m, "queue", carom.Cap(4))
	if err != nil {
		return err
	}
	produced, err := carom.NewEvent(m, "produced")
	if err != nil {
		return err
	}
	stats, err := carom.NewDict[string, int](m, "stats")
	if err != nil {
		return err
	}

	g := carom.NewGroup(ctx, m)
	produce.Go(g, job{queue, produced, stats, 0})
	for i := range 2 {
		consume.Go(g, job{queue, produced, stats, i})
	}
	if err := produced.Wait(ctx); err != nil {
		return err
	}
	fmt.Println("everything is produced")
	if err := g.Wait(); err != nil {
		return err
	}

	final, err := stats.Snapshot(ctx)
	if err != nil {
		return err
	}
	fmt.Println("final stats:", final)
	return nil
}
