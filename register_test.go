package carom_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// tally is what lives in the coordinator.
type tally struct {
	n      int
	closed *carom.Event
}

func newTally(start int) (*tally, error) {
	switch {
	case start == -1:
		return nil, errors.New("below zero")
	case start == -2:
		return nil, fmt.Errorf("no room: %w", carom.ErrFull)
	case start == -3:
		panic("a bad start")
	case start == -4:
		return nil, nil
	}
	return &tally{n: start}, nil
}

func (c *tally) Increment() int           { c.n++; return c.n }
func (c *tally) Add(ns ...int) int        { return c.AddTo(0, ns...) - 0 }
func (c *tally) Value() int               { return c.n }
func (c *tally) Reset()                   { c.n = 0 }
func (c *tally) Both() (int, string)      { return c.n, fmt.Sprint(c.n) }
func (c *tally) Fail(what string) error   { return errors.New(what) }
func (c *tally) Panic(what string)        { panic(what) }
func (c *tally) Each(func(int))           {} // cannot be called from afar
func (c *tally) Self() *tally           { return c }
func (c *tally) Nobody() *tally         { return nil }
func (c *tally) Echo(v any) any           { return v }
func (c *tally) Wrap(kind string) error   { return wrapped[kind] }
func (c *tally) Split(n int) (int, error) { return n / 2, wrapped[""] }

func (c *tally) AddTo(more int, ns ...int) int {
	c.n += more
	for _, n := range ns {
		c.n += n
	}
	return c.n
}

func (c *tally) Up(ctx context.Context, to int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range to {
			if !yield(i, nil) {
				return
			}
		}
		yield(0, io.ErrUnexpectedEOF)
	}
}

var wrapped = map[string]error{
	"full": fmt.Errorf("at the brim: %w", carom.ErrFull),
	"eof":  io.EOF,
	"died": fmt.Errorf("gone: %w", carom.ErrOwnerDied),
}

var tallies = carom.Register[*tally]("Tally", newTally, carom.Returns("Self", "Tally"), carom.Returns("Nobody", "Tally"))

func TestCustomType(t *testing.T) {
	m, ctx := startManager(t), t.Context()
	c, err := tallies.New(m, "hits", 5)
	require.NoError(t, err)
	require.Equal(t, "Tally", c.Kind())
	require.Equal(t, "hits", c.Name())
	require.Same(t, m, c.Manager())
	n, err := carom.Call[int](ctx, c, "Increment")
	require.NoError(t, err)
	require.Equal(t, 6, n)
	again, err := tallies.New(m, "hits", 100)
	require.NoError(t, err)
	n, err = carom.Call[int](ctx, again, "AddTo", 1, 2, 3)
	require.NoError(t, err)
	require.Equal(t, 12, n)
	require.NoError(t, carom.Invoke(ctx, again, "Reset"))
	both, err := carom.Call[carom.Pair[int, string]](ctx, c, "Both")
	require.NoError(t, err)
	require.Equal(t, carom.Pair[int, string]{Key: 0, Value: "0"}, both)
	self, err := carom.Call[carom.Ref](ctx, c, "Self")
	require.NoError(t, err)
	require.Equal(t, "hits", self.Name())
	var got []int
	for v, err := range carom.Iterate[int](ctx, c, "Up", 500) {
		if err != nil {
			require.ErrorContains(t, err, "unexpected EOF")
			break
		}
		got = append(got, v)
	}
	require.Len(t, got, 500)
	sound(t, m)
}
