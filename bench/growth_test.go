package bench_test

import (
	"fmt"
	"testing"

	"github.com/carom-ipc/carom/bench/internal/benchtest"
	"github.com/carom-ipc/carom/bench/internal/cases"
)

// TestGrowths runs each curve at its beginning.
func TestGrowths(t *testing.T) {
	for _, g := range cases.Growths() {
		t.Run(g.Title, func(t *testing.T) {
			e := cases.NewEnv(t.Context(), benchtest.Manager(t))
			defer e.Close()
			curves, err := g.Open(e, g.At[1])
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range curves {
				if r, err := c.Run(20); err != nil || r.Ops < 20 {
					t.Fatalf("%s: %+v, %v", c.Name, r, err)
				}
			}
		})
	}
}

func BenchmarkGrowth(b *testing.B) {
	for _, g := range cases.Growths() {
		for _, x := range g.At {
			b.Run(fmt.Sprintf("of=%s/n=%d", g.Title, x), func(b *testing.B) {
				e := cases.NewEnv(b.Context(), benchtest.Manager(b))
				defer e.Close()
				curves, err := g.Open(e, x)
				if err != nil {
					b.Fatal(err)
				}
				for _, c := range curves {
					b.Run("op="+c.Name, func(b *testing.B) {
						r, err := c.Run(b.N)
						if err != nil {
							b.Fatal(err)
						}
						b.ReportMetric(r.NsPerOp(), "ns/op")
					})
				}
			})
		}
	}
}
