// Command types is a coordinator with types of its own, for the tests of the client in Python.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/carom-ipc/carom"
)

type counter struct {
	n     int
	child *counter
}

func newCounter(start ...int) (*counter, error) {
	c := &counter{child: &counter{}}
	for _, n := range start {
		if n < 0 {
			return nil, fmt.Errorf("%d is below zero", n)
		}
		c.n += n
	}
	return c, nil
}

// Increment adds one.
func (c *counter) Increment() int { c.n++; return c.n }

// GetValue is the sum.
func (c *counter) GetValue() int { return c.n }

// Fail fails.
func (c *counter) Fail(why string) error { return errors.New(why) }

// Missing fails with one of carom's errors.
func (c *counter) Missing() error { return fmt.Errorf("it is not there: %w", carom.ErrNotFound) }

// Panic panics.
func (c *counter) Panic() { panic("at the disco") }

// Both returns two values.
func (c *counter) Both() (int, string) { return c.n, "counter" }

// Squares are a sequence.
func (c *counter) Squares(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i * i) {
				return
			}
		}
	}
}

// Child is an object of its own.
func (c *counter) Child() *counter { return c.child }

// Put appends to a list of the caller's.
func (c *counter) Put(ctx context.Context, l *carom.List[int]) error {
	defer l.Close()
	return l.Append(ctx, c.n)
}

var _ = carom.Register[*counter]("Counter", newCounter, carom.Returns("Child", "Counter"))

func main() {
	carom.Init()
	listen := flag.String("listen", "", "address")
	keyFile := flag.String("authkey-file", "", "file with the auth key")
	json := flag.Bool("json", false, "arguments and results are JSON")
	flag.Parse()
	key, err := os.ReadFile(*keyFile)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	codec := carom.CBOR
	if *json {
		codec = carom.JSON
	}
	err = carom.Serve(ctx, carom.ServeConfig{
		Listen: []string{*listen}, AuthKey: bytes.TrimSpace(key), Codec: codec,
		Ready: func(addrs []string) { fmt.Println("carom: serving", addrs[0]) },
	}, time.Second)
	if err != nil {
		log.Fatal(err)
	}
}
