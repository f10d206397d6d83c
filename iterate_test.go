package carom_test

import (
	"context"
	"io"
	"iter"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// source has methods that give streams.
type source struct{ given int }

func (s *source) Up(to int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range to {
			s.given++
			if !yield(i) {
				return
			}
		}
	}
}

func (s *source) Pairs(words ...string) (iter.Seq2[int, string], error) {
	if len(words) == 0 {
		return nil, carom.ErrEmpty
	}
	return func(yield func(int, string) bool) {
		for i, w := range words {
			if !yield(i, w) {
				return
			}
		}
	}, nil
}

func (s *source) Failing(n int) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for i := range n {
			if !yield(strings.Repeat("x", i), nil) {
				return
			}
		}
		yield("", io.ErrUnexpectedEOF)
	}
}

// Live gives two values, and more when the event is set. It says when its reader has left.
func (s *source) Live(ctx context.Context, more, over *carom.Event) <-chan string {
	ch := make(chan string)
	go func() {
		defer close(ch)
		defer over.Set()
		for _, v := range []string{"one", "two", "three", "four"} {
			if v == "three" && more.Wait(ctx) != nil {
				return
			}
			select {
			case ch <- v:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ch
}

func (s *source) Panics() iter.Seq[int] {
	return func(yield func(int) bool) {
		yield(1)
		panic("out of order")
	}
}

func (s *source) Unencodable() iter.Seq[any] {
	return func(yield func(any) bool) { _ = yield(1) && yield(func() {}) }
}

func (s *source) Nil() iter.Seq[int] { return nil }
func (s *source) Given() int         { return s.given }

var sources = carom.Register[*source]("Source", func() *source { return &source{} })

// drain collects a stream and the error that ended it.
func drain[V any](ctx context.Context, r carom.Ref, method string, args ...any) (all []V, last error) {
	for v, err := range carom.Iterate[V](ctx, r, method, args...) {
		if err != nil {
			last = err
			continue
		}
		all = append(all, v)
	}
	return all, last
}

func TestIterate(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		s := carom.Must(sources.New(b, "s"))
		for _, n := range []int{0, 1, 63, 64, 65, 1000} {
			all, err := drain[int](ctx, s, "Up", n)
			require.NoError(t, err)
			require.Len(t, all, n)
			for i, v := range all {
				require.Equal(t, i, v)
			}
		}
		pairs, err := drain[carom.Pair[int, string]](ctx, s, "Pairs", "a", "b")
		require.NoError(t, err)
		require.Equal(t, []carom.Pair[int, string]{{Key: 0, Value: "a"}, {Key: 1, Value: "b"}}, pairs)
		_, err = drain[any](ctx, s, "Pairs")
		require.ErrorIs(t, err, carom.ErrEmpty)
		words, err := drain[string](ctx, s, "Failing", 3)
		require.Equal(t, []string{"", "x", "xx"}, words)
		var remote *carom.RemoteError
		require.ErrorAs(t, err, &remote)
		require.Equal(t, carom.RemoteError{Type: "Source", Method: "Failing", Message: "unexpected EOF"}, *remote)
		none, err := drain[int](ctx, s, "Nil")
		require.NoError(t, err)
		require.Empty(t, none)
		first, err := drain[int](ctx, s, "Panics")
		require.Equal(t, []int{1}, first)
		require.ErrorAs(t, err, &remote)
		require.Equal(t, "panic: out of order", remote.Message)
		_, err = drain[any](ctx, s, "Unencodable")
		require.ErrorIs(t, err, carom.ErrType)
		_, err = drain[string](ctx, s, "Up", 3)
		require.ErrorIs(t, err, carom.ErrType)
		_, err = drain[int](ctx, s, "Up", "x")
		require.ErrorIs(t, err, carom.ErrType)
		_, err = drain[int](ctx, s, "Nope")
		require.ErrorIs(t, err, carom.ErrNotFound)
		_, err = drain[int](ctx, s, "Given")
		require.ErrorIs(t, err, carom.ErrType)
		_, err = carom.Call[int](ctx, s, "Up", 3)
		require.ErrorIs(t, err, carom.ErrType)
		require.ErrorContains(t, err, "Iterate")
		_, err = drain[int](ctx, carom.Ref{}, "Up", 3)
		require.ErrorIs(t, err, carom.ErrClosed)
	})
}

// What is there arrives, before there is more; who leaves ends the method.
func TestIterateLive(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		e := newEvents(t, a, "more", "over", "over2")
		s := carom.Must(sources.New(b, "s"))
		var got []string
		for v, err := range carom.Iterate[string](ctx, s, "Live", e[0], e[1]) {
			require.NoError(t, err)
			if got = append(got, v); v == "two" {
				require.NoError(t, carom.Invoke(ctx, s, "Given"), "a channel does not take the object's turn")
				require.NoError(t, e[0].Set())
			}
		}
		require.Equal(t, []string{"one", "two", "three", "four"}, got)
		require.NoError(t, e[0].Clear())
		for v, err := range carom.Iterate[string](ctx, s, "Live", e[0], e[2]) {
			require.NoError(t, err)
			if v == "two" {
				break
			}
		}
		require.NoError(t, e[2].Wait(ctx))

		require.NoError(t, e[1].Clear())
		leave, cancel := context.WithCancel(ctx)
		for v, err := range carom.Iterate[string](leave, s, "Live", e[0], e[1]) {
			if err != nil {
				require.ErrorIs(t, err, context.Canceled)
				break
			}
			if v == "two" {
				cancel()
			}
		}
		require.NoError(t, e[1].Wait(ctx))
		cancel()
	})
}

// The method is a bounded number of items ahead, and lets others have their turn.
func TestIterateIsBounded(t *testing.T) {
	m, ctx := startManager(t), t.Context()
	s := carom.Must(sources.New(m, "s"))
	for v, err := range carom.Iterate[int](ctx, s, "Up", 1_000_000_000) {
		require.NoError(t, err)
		if v == 10 {
			given := call[int](t, s, "Given")
			assert.LessOrEqual(t, given, 11+2*64+2)
			break
		}
	}
	var last int
	until(t, "the method has ended", func() bool {
		before := last
		last = call[int](t, s, "Given")
		return last == before
	})
}
