// Shareddict: three worker processes write into one dict and one list.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/carom-ipc/carom"
)

type job struct {
	Greetings *carom.Dict[string, string]
	Items     *carom.List[string]
	Worker    int
}

var greet = carom.NewWorker("greet", func(ctx context.Context, j job) error {
	if err := j.Greetings.Set(ctx, fmt.Sprintf("worker_%d", j.Worker), fmt.Sprintf("hello from worker %d", j.Worker)); err != nil {
		return err
	}
	if err := j.Items.Append(ctx, fmt.Sprintf("item from worker %d", j.Worker)); err != nil {
		return err
	}
	greetings, err := j.Greetings.Len(ctx)
	if err != nil {
		return err
	}
	items, err := j.Items.Len(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("worker %d sees %d greetings and %d items\n", j.Worker, greetings, items)
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
	greetings, err := carom.NewDict[string, string](m, "greetings")
	if err != nil {
		return err
	}
	items, err := carom.NewList[string](m, "items")
	if err != nil {
		return err
	}
	if err := greetings.Set(ctx, "initial", "value"); err != nil {
		return err
	}
	if err := items.Append(ctx, "one", "two", "three"); err != nil {
		return err
	}

	g := carom.NewGroup(ctx, m)
	for i := range 3 {
		greet.Go(g, job{greetings, items, i})
	}
	if err := g.Wait(); err != nil {
		return err
	}

	final, err := greetings.Snapshot(ctx)
	if err != nil {
		return err
	}
	list, err := items.Snapshot(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("final dict: %q\n", final) // maps are printed in the order of their keys
	fmt.Printf("final list: %q\n", list)
	return nil
}
