// Package shapes registers types with methods of all shapes, for the test of the generator.
package shapes

import (
	"context"
	"io"
	"iter"
	"math/big"
	"time"

	"github.com/carom-ipc/carom"
)

//go:generate go run ../../.. gen -type Shape,Leaf,Grove

// Shape has the name of its typeid, so its proxy has another.
type Shape struct{ n int }

type point struct{ X, Y int }

func newShape(_ context.Context, ctx string, _ int, points ...point) (Shape, error) {
	return Shape{len(ctx) + len(points)}, nil
}

func (s *Shape) Nothing()                                    { s.n++ }
func (s Shape) Fails() error                                 { return io.EOF }
func (s Shape) Value(context.Context) (time.Duration, error) { return time.Duration(s.n), nil }
func (s Shape) Two(p int) (*big.Int, []point)                { return big.NewInt(int64(p)), nil }
func (s Shape) Many(string, ...*time.Time) int               { return s.n }
func (s Shape) Names(m, r, args, err, time, carom any) map[string]struct{ A int } {
	return nil
}
func (s Shape) Any(v any) any                                       { return v }
func (s Shape) Lock(l *carom.Lock, d *carom.Dict[string, []int])    {}
func (s Shape) Seq(n int) iter.Seq[point]                           { return nil }
func (s Shape) Pairs() iter.Seq2[string, time.Time]                 { return nil }
func (s Shape) Fallible(ctx context.Context) iter.Seq2[byte, error] { return nil }
func (s Shape) Channel() (<-chan float64, error)                    { return nil, nil }

// Func and those that follow cannot be called from another process, or are Close.
func (s Shape) Func(func())          {}
func (s Shape) Reader() chan<- int   { return nil }
func (s Shape) Write(w io.Writer)    {}
func (s Shape) Close() error         { return nil }
func (s Shape) hidden(point) (x int) { return s.n }

type leaf struct{ s Shape }

// Count counts.
//
//	code
func (l *leaf) Count() int  { return l.s.hidden(point{}) }
func (l *leaf) Same() *leaf { return l }

type grove interface {
	Leaf(i int) *leaf
	Twig() *leaf
	Other() *Shape
	Left() int
}

type woods struct{}

func (woods) Leaf(int) *leaf { return &leaf{} }
func (woods) Twig() *leaf    { return nil }
func (woods) Other() *Shape  { return &Shape{} }
func (woods) Left() int      { return 0 }

var (
	shapes = carom.Register[Shape]("Shape", newShape)
	leaves = carom.Register[*leaf]("Leaf", nil, carom.NoCreate(), carom.Returns("Same", "Leaf"))
	groves = carom.Register[grove]("Grove", func() grove { return woods{} }, carom.Concurrent(),
		carom.Exposed("Leaf", "Twig", "Other"), carom.Returns("Leaf", "Leaf"), carom.Returns("Twig", "Leaf"), carom.Returns("Other", "Shape"))
)
