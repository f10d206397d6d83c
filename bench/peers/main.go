// Peers are cases of what a Go program would use instead of carom, where that takes a
// dependency: the library go-ipc, and Redis by go-redis.
//
//	go -C bench/peers test -bench .     each case as a benchmark
//
// The report runs this program beside its own cases.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"

	"github.com/carom-ipc/carom"
	"github.com/carom-ipc/carom/bench/internal/cases"
)

var own []cases.Case

func add(c cases.Case) {
	own = append(own, c)
	cases.Add(c)
}

func main() {
	carom.Init()
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := cases.Serve(ctx, own, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		stop()
		log.Fatal(err)
	}
}
