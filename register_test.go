package carom_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// tally is what lives in the coordinator.
type tally struct{ n int }

func newTally(start int) (*tally, error) {
	switch start {
	case -1:
		return nil, errors.New("below zero")
	case -2:
		return nil, fmt.Errorf("no room: %w", carom.ErrFull)
	case -3:
		panic("a bad start")
	case -4:
		return nil, nil
	}
	return &tally{n: start}, nil
}

func (c *tally) Increment() int         { c.n++; return c.n }
func (c *tally) Value() int             { return c.n }
func (c *tally) Reset()                 { c.n = 0 }
func (c *tally) Both() (int, string)    { return c.n, fmt.Sprint(c.n) }
func (c *tally) Three() (int, int, int) { return 1, 2, 3 }
func (c *tally) Panic(what string)      { panic(what) }
func (c *tally) Each(func(int))         {} // cannot be called from another process
func (c *tally) Echo(v any) any         { return v }
func (c *tally) Secret() error          { return nil }

func (c *tally) Add(more int, ns ...int) int {
	c.n += more
	for _, n := range ns {
		c.n += n
	}
	return c.n
}

// Fail returns an error by its name, or one of that text.
func (c *tally) Fail(what string) (int, error) {
	if err, ok := failures[what]; ok {
		return 1, err
	}
	return 1, errors.New(what)
}

var failures = map[string]error{
	"full":     fmt.Errorf("at the brim: %w", carom.ErrFull),
	"eof":      fmt.Errorf("the end: %w", io.EOF),
	"died":     fmt.Errorf("gone: %w", carom.ErrOwnerDied),
	"canceled": context.Canceled,
	"none":     nil,
}

var tallies = carom.Register[*tally]("Tally", newTally)

// plain is registered by value; its methods have pointers for receivers.
type plain struct{ N int }

func (p *plain) Next() int     { p.N++; return p.N }
func (p plain) Close() error   { return nil }
func (p plain) String() string { return fmt.Sprint("plain ", p.N) }

var plains = carom.Register[plain]("Plain", func(_ context.Context, n int) plain { return plain{n} })

// summer is an interface, behind which Exposed hides a method.
type summer interface {
	Sum(...int) int
	Hidden() int
}

type adder struct{ calls int }

func (a *adder) Sum(ns ...int) (sum int) {
	a.calls++
	for _, n := range ns {
		sum += n
	}
	return sum
}

func (a *adder) Hidden() int { return a.calls }

var summers = carom.Register[summer]("Summer", func() *adder { return &adder{} }, carom.Exposed("Sum"))

func call[R any](t *testing.T, ref carom.Ref, method string, args ...any) R {
	t.Helper()
	r, err := carom.Call[R](t.Context(), ref, method, args...)
	require.NoError(t, err)
	return r
}

func TestCustomType(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		c, err := tallies.New(a, "hits", 5)
		require.NoError(t, err)
		require.Equal(t, "Tally", c.Kind())
		require.Equal(t, "hits", c.Name())
		require.Same(t, a, c.Manager())
		require.NoError(t, c.Err())
		require.Equal(t, 6, call[int](t, c, "Increment"))

		same, err := tallies.New(b, "hits", 100)
		require.NoError(t, err)
		require.Equal(t, 7, call[int](t, same, "Add", 1))
		require.Equal(t, int8(12), call[int8](t, same, "Add", 0, 2, uint16(3)))
		opened, err := tallies.Open(b, "hits")
		require.NoError(t, err)
		require.EqualValues(t, 12, call[any](t, opened, "Value"))
		require.NoError(t, carom.Invoke(t.Context(), opened, "Reset"))
		require.NoError(t, carom.Invoke(t.Context(), opened, "Increment"))

		require.Equal(t, carom.Pair[int, string]{Key: 1, Value: "1"}, call[carom.Pair[int, string]](t, c, "Both"))
		require.Equal(t, []int{1, 2, 3}, call[[]int](t, c, "Three"))
		require.Equal(t, map[string]any{"a": []any{int64(1), nil, "x"}}, call[any](t, c, "Echo", map[string]any{"a": []any{1, nil, "x"}}))
		require.Equal(t, strings.Repeat("x", 3<<20), call[string](t, c, "Echo", strings.Repeat("x", 3<<20)))

		p, err := plains.New(a, "", 41)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(p.Name(), "plain-"), p.Name())
		require.Equal(t, 42, call[int](t, p, "Next"))
		require.Equal(t, "plain 42", call[string](t, p, "String"))
		s, err := summers.New(b, "s")
		require.NoError(t, err)
		require.Equal(t, 6, call[int](t, s, "Sum", 1, 2, 3))
		require.Equal(t, 0, call[int](t, s, "Sum"))

		seen := map[string]string{}
		for i, err := range b.Objects(t.Context()) {
			require.NoError(t, err)
			seen[i.Name] = i.Kind
		}
		require.Equal(t, "Tally", seen["hits"])
		require.Equal(t, "Plain", seen[p.Name()])

		require.NoError(t, same.Close())
		_, err = carom.Call[int](t.Context(), same, "Value")
		require.ErrorIs(t, err, carom.ErrClosed)
		require.ErrorIs(t, same.Err(), carom.ErrClosed)
		require.NoError(t, a.Remove(t.Context(), "hits"))
		require.Equal(t, 1, call[int](t, c, "Value"), "who has it open goes on using it")
		_, err = tallies.Open(b, "hits")
		require.ErrorIs(t, err, carom.ErrNotFound)
		fresh, err := tallies.New(b, "hits", 0)
		require.NoError(t, err)
		require.Equal(t, 0, call[int](t, fresh, "Value"))
	})
}

func TestErrorsOfCustomTypes(t *testing.T) {
	m, ctx := startManager(t), t.Context()
	c, err := tallies.New(m, "c", 0)
	require.NoError(t, err)
	fail := func(what string) error {
		n, err := carom.Call[int](ctx, c, "Fail", what)
		require.Zero(t, n)
		return err
	}
	require.ErrorIs(t, fail("full"), carom.ErrFull)
	require.ErrorIs(t, fail("full"), carom.ErrWouldBlock)
	require.ErrorContains(t, fail("full"), "at the brim")
	require.ErrorIs(t, fail("eof"), io.EOF)
	require.ErrorIs(t, fail("died"), carom.ErrOwnerDied)
	require.ErrorIs(t, fail("canceled"), context.Canceled)
	require.NoError(t, carom.Invoke(ctx, c, "Fail", "none"))

	var remote *carom.RemoteError
	require.ErrorAs(t, fail("no luck"), &remote)
	require.Equal(t, carom.RemoteError{Type: "Tally", Method: "Fail", Message: "no luck"}, *remote)
	require.EqualError(t, fail("no luck"), `carom: Fail Tally "c": no luck`)
	require.ErrorAs(t, carom.Invoke(ctx, c, "Panic", "oh dear"), &remote)
	require.Equal(t, carom.RemoteError{Type: "Tally", Method: "Panic", Message: "panic: oh dear"}, *remote)
	require.Equal(t, 1, call[int](t, c, "Increment"), "the object and the coordinator live")

	for _, missing := range []string{"Nope", "Each", "increment", "Close", ""} {
		err := carom.Invoke(ctx, c, missing)
		require.ErrorIs(t, err, carom.ErrNotFound, missing)
		require.ErrorContains(t, err, fmt.Sprintf("%q", missing))
	}
	s, err := summers.New(m, "s")
	require.NoError(t, err)
	require.ErrorIs(t, carom.Invoke(ctx, s, "Hidden"), carom.ErrNotFound)
	p, err := plains.New(m, "p", 1)
	require.NoError(t, err)
	require.ErrorIs(t, carom.Invoke(ctx, p, "Close"), carom.ErrNotFound)

	for _, wrong := range [][]any{{"Value", 1}, {"Add"}, {"Add", "x"}, {"Add", 1, 2, nil, "y"}, {"Fail", 3}, {"Fail"}, {"Add", uint64(1 << 63)}, {"Add", 1.5}} {
		err := carom.Invoke(ctx, c, wrong[0].(string), wrong[1:]...)
		require.ErrorIs(t, err, carom.ErrType, wrong)
		require.ErrorContains(t, err, "Tally."+wrong[0].(string), wrong)
	}
	require.ErrorContains(t, carom.Invoke(ctx, c, "Value", 1), "Tally.Value takes 0 arguments, got 1")
	require.ErrorContains(t, carom.Invoke(ctx, c, "Add"), "Tally.Add takes at least 1 argument, got 0")
	require.ErrorContains(t, carom.Invoke(ctx, c, "Add", 1, "x"), "Tally.Add, argument 2 of type int")
	require.ErrorIs(t, carom.Invoke(ctx, c, "Echo", func() {}), carom.ErrType)
	_, err = carom.Call[int](ctx, c, "Both")
	require.ErrorIs(t, err, carom.ErrType)
	require.Equal(t, 1, call[int](t, c, "Value"))

	for start, is := range map[any]error{-2: carom.ErrFull, "x": carom.ErrType} {
		_, err := tallies.New(m, "bad", start)
		require.ErrorIs(t, err, is)
	}
	_, err = tallies.New(m, "bad")
	require.ErrorContains(t, err, "Tally takes 1 argument, got 0")
	for start, text := range map[int]string{-1: "below zero", -3: "panic: a bad start", -4: "the factory made nothing"} {
		_, err = tallies.New(m, "bad", start)
		require.ErrorAs(t, err, &remote)
		require.Equal(t, carom.RemoteError{Type: "Tally", Method: "new", Message: text}, *remote)
	}
	_, err = tallies.Open(m, "bad")
	require.ErrorIs(t, err, carom.ErrNotFound)

	_, err = tallies.New(m, "c", 1, carom.Exclusive())
	require.ErrorIs(t, err, carom.ErrExists)
	_, err = tallies.New(m, "d", 1, carom.Cap(3))
	require.ErrorIs(t, err, carom.ErrType)
	_, err = plains.New(m, "c", 1)
	require.ErrorIs(t, err, carom.ErrType)
	require.ErrorContains(t, err, `"c" is a Tally, not a Plain`)
	_, err = carom.NewDict[string, int](m, "c")
	require.ErrorIs(t, err, carom.ErrType)
	_, err = carom.NewValue[int](m, "c")
	require.ErrorIs(t, err, carom.ErrType)
	carom.Must(carom.NewLock(m, "l"))
	_, err = tallies.New(m, "l", 1)
	require.ErrorIs(t, err, carom.ErrType)
	_, err = tallies.Open(m, "l")
	require.ErrorIs(t, err, carom.ErrType)

	var op *carom.OpError
	for _, r := range []carom.Ref{{}, c} {
		_ = c.Close()
		require.ErrorIs(t, carom.Invoke(ctx, r, "Reset"), carom.ErrClosed)
		require.ErrorAs(t, carom.Invoke(ctx, r, "Reset"), &op)
		require.Equal(t, "Reset", op.Op)
	}
	_, err = tallies.New(nil, "x", 1)
	require.ErrorIs(t, err, carom.ErrClosed)
	_, err = tallies.Open(nil, "x")
	require.ErrorIs(t, err, carom.ErrClosed)
	sound(t, m)
}

// A coordinator that does not know a type says how to have one that does.
func TestUnknownType(t *testing.T) {
	m := startManager(t)
	late := carom.Register[*tally]("Late", newTally) // after the coordinator has been started
	_, err := late.New(m, "x", 1)
	require.ErrorIs(t, err, carom.ErrNotFound)
	require.ErrorContains(t, err, `"Late"`)
	require.ErrorContains(t, err, "Options.Command")
	_, err = late.Open(m, "x")
	require.ErrorIs(t, err, carom.ErrNotFound)
}

func TestRegisterPanics(t *testing.T) {
	type T struct{ tally }
	make := func() *T { return nil }
	for text, register := range map[string]func(){
		"a typeid is UTF-8":        func() { carom.Register[*T]("", make) },
		"1 to 255":                 func() { carom.Register[*T](strings.Repeat("x", 256), make) },
		"one of carom's own kinds": func() { carom.Register[*T]("dict", make) },
		"own kinds":                func() { carom.Register[*T]("RLock", make) },
		"the factory is a int":     func() { carom.Register[*T]("T", 3) },
		"the factory is a <nil>":   func() { carom.Register[*T]("T", nil) },
		"the factory is a func()":  func() { carom.Register[*T]("T", (func() *T)(nil)) },
		"func() *carom_test.tally": func() { carom.Register[*T]("T", func() *tally { return nil }) },
		"(*carom_test.T, bool)":    func() { carom.Register[*T]("T", func() (*T, bool) { return nil, false }) },
		"type chan int cannot":     func() { carom.Register[*T]("T", func(chan int) *T { return nil }) },
		"Exposed names Nope":       func() { carom.Register[*T]("T", make, carom.Exposed("Value", "Nope")) },
		"T.Each: a parameter":      func() { carom.Register[*T]("T", make, carom.Exposed("Each")) },
		"Returns names Nope":       func() { carom.Register[*T]("T", make, carom.Returns("Nope", "Tally")) },
		"does not expose":          func() { carom.Register[*T]("T", make, carom.Exposed("Value"), carom.Returns("Echo", "Tally")) },
		"Returns names Both":       func() { carom.Register[*T]("T", make, carom.Returns("Both", "Tally")) },
		"registered for the type":  func() { carom.Register[*T]("Tally", make) },
	} {
		func() {
			defer func() { require.Contains(t, fmt.Sprint(recover()), text) }()
			register()
		}()
	}
	require.Panics(t, func() { carom.RegisterInitializer("bad", func() error { return nil }) })
	require.Panics(t, func() { carom.RegisterInitializer("bad", nil) })
	require.Panics(t, func() { carom.RegisterCodec(carom.JSON) })
	carom.Register[*tally]("Tally", newTally) // once more is no mistake
}
