package main

import (
	"context"
	"fmt"

	"github.com/carom-ipc/carom"
)

var count = carom.NewWorker("count", func(ctx context.Context, total *carom.Value[int64]) error {
	carom.Add(total, 1000)
	return nil
})

func main() {
	carom.Init() // workers begin and end here
	ctx := context.Background()
	m := carom.Must(carom.Start(ctx, nil))
	defer m.Close()
	total := carom.Must(carom.NewValue[int64](m, "total"))
	g := carom.NewGroup(ctx, m)
	for range 4 {
		count.Go(g, total) // four processes
	}
	fmt.Println(g.Wait(), total.Load()) // <nil> 4000
}
