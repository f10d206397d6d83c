// Command victim attaches the arena in descriptor 3 and repeats a workload until its
// standard input ends, the rounds are over, or the crash point that it is armed with
// kills it.
//
//	victim WORKLOAD ROUNDS    (0: until the input ends)
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync/atomic"

	"github.com/carom-ipc/carom/shm"
	"github.com/carom-ipc/carom/tests/internal/crash"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
}

func run(name, rounds string) error {
	n, err := strconv.Atoi(rounds)
	if err != nil {
		return err
	}
	work, ok := crash.Find(name)
	if !ok {
		return fmt.Errorf("no workload %q", name)
	}
	var stop atomic.Bool
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); stop.Store(true) }()
	for _, env := range work.Env {
		if err := os.Setenv(env[0], env[1]); err != nil {
			return err
		}
	}
	file := os.NewFile(3, "arena")
	a, err := shm.Attach(file)
	if err != nil {
		return err
	}
	for i := 0; i < n || n == 0 && !stop.Load(); i++ {
		if err := work.Victim(a); err != nil {
			return fmt.Errorf("%s, round %d: %w", name, i, err)
		}
	}
	return a.Close(context.Background())
}
