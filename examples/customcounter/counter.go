package main

import "github.com/carom-ipc/carom"

//go:generate go run ../../cmd/carom gen -type Counter

// counter lives in the coordinator. It needs no lock of its own: one method at a time runs
// on an object.
type counter struct{ value int }

func newCounter() *counter { return &counter{} }

// Increment adds one and returns the sum.
func (c *counter) Increment() int {
	c.value++
	return c.value
}

// Decrement takes one away and returns the rest.
func (c *counter) Decrement() int {
	c.value--
	return c.value
}

// Value is the present value.
func (c *counter) Value() int { return c.value }

var counters = carom.Register[*counter]("Counter", newCounter)
