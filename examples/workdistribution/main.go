// Workdistribution: a distributor hands out tasks, three workers do them and store the
// results in a dict.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/carom-ipc/carom"
)

const (
	tasks   = 15
	workers = 3
)

type task struct {
	ID, Data  int
	Operation string
}

type result struct {
	Input, Output int
	Operation     string
	Worker        int
}

type job struct {
	Tasks   *carom.Queue[task]
	Results *carom.Dict[int, result]
	Worker  int
}

var distribute = carom.NewWorker("distribute", func(ctx context.Context, j job) error {
	operations := []string{"square", "cube", "double"}
	for i := range tasks {
		t := task{ID: i, Data: 1 + rand.N(100), Operation: operations[rand.N(len(operations))]}
		if err := j.Tasks.Put(ctx, t); err != nil {
			return err
		}
	}
	return j.Tasks.CloseWrite() // one call, however many workers there are
})

var process = carom.NewWorker("process", func(ctx context.Context, j job) error {
	for t, err := range j.Tasks.All(ctx) {
		if err != nil {
			return err
		}
		r := result{Input: t.Data, Operation: t.Operation, Worker: j.Worker}
		switch t.Operation {
		case "square":
			r.Output = t.Data * t.Data
		case "cube":
			r.Output = t.Data * t.Data * t.Data
		case "double":
			r.Output = 2 * t.Data
		default:
			return fmt.Errorf("task %d: no operation %q", t.ID, t.Operation)
		}
		if err := j.Results.Set(ctx, t.ID, r); err != nil {
			return err
		}
		if err := j.Tasks.TaskDone(); err != nil { // had this process died before, another would get the task
			return err
		}
	}
	return nil
})

func main() {
	carom.Init()
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	m, err := carom.Start(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	queue, err := carom.NewQueue[task](m, "tasks", carom.AtLeastOnce())
	if err != nil {
		return err
	}
	results, err := carom.NewDict[int, result](m, "results")
	if err != nil {
		return err
	}

	g := carom.NewGroup(ctx, m)
	distribute.Go(g, job{Tasks: queue, Results: results})
	for i := range workers {
		process.Go(g, job{queue, results, i})
	}
	if err := g.Wait(); err != nil {
		return err
	}

	all, err := results.Snapshot(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("processed %d tasks:\n", len(all))
	for _, id := range slices.Sorted(maps.Keys(all)) {
		r := all[id]
		fmt.Printf("task %d: %d %s = %d (worker %d)\n", id, r.Input, r.Operation, r.Output, r.Worker)
	}
	return nil
}
