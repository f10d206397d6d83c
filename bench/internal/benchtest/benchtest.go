// Package benchtest runs cases as tests and benchmarks.
package benchtest

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/carom-ipc/carom"
	"github.com/carom-ipc/carom/bench/internal/cases"
)

var shared struct {
	once sync.Once
	m    *carom.Manager
	err  error
}

// Main is the TestMain of a package of cases.
func Main(m *testing.M) {
	carom.Init()
	code := m.Run()
	if shared.m != nil {
		_ = shared.m.Close()
	}
	os.Exit(code)
}

// Manager is the one that all cases of a test program share.
func Manager(tb testing.TB) *carom.Manager {
	shared.once.Do(func() { shared.m, shared.err = cases.StartManager(context.Background()) })
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	return shared.m
}

// Family runs those cases as benchmarks that belong to one family. A case is opened when
// it first runs, and stays open while the number of operations grows.
func Family(b *testing.B, list []cases.Case, name string) {
	found := false
	for _, c := range list {
		if c.Family() != name {
			continue
		}
		found = true
		var e *cases.Env
		var run cases.Run
		b.Run(c.Name[len(name)+1:], func(b *testing.B) {
			if e == nil {
				e = cases.NewEnv(context.Background(), Manager(b))
				var err error
				if run, err = c.Open(e); errors.Is(err, cases.ErrMissing) {
					b.Skip(err)
				} else if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			b.SetBytes(int64(c.Bytes))
			b.ResetTimer()
			r, err := run(b.N)
			b.StopTimer()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(r.NsPerOp(), "ns/op")
			for unit, v := range r.Metrics {
				b.ReportMetric(v, unit)
			}
		})
		if e != nil {
			e.Close()
		}
	}
	if !found {
		b.Fatalf("no case of %s", name)
	}
}

// Once runs cases for a few operations, so that none rots: with CAROM_WHOLE=1 in the
// environment each, else one of a work by each that does it, which leaves out other sizes
// and numbers of processes.
func Once(t *testing.T, list []cases.Case) {
	whole := os.Getenv("CAROM_WHOLE") == "1"
	seen, sample := map[string]bool{}, map[string]bool{}
	left := 0
	defer func() { t.Logf("%d of %d cases left out; with CAROM_WHOLE=1, none", left, len(list)) }()
	for _, c := range list {
		if seen[c.Name] {
			t.Errorf("two cases called %s", c.Name)
		}
		seen[c.Name] = true
		kind := c.Kind()
		if sample[kind] && !whole {
			left++
			continue
		}
		sample[kind] = true
		t.Run(c.Name, func(t *testing.T) {
			e := cases.NewEnv(t.Context(), Manager(t))
			defer e.Close()
			run, err := c.Open(e)
			if errors.Is(err, cases.ErrMissing) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			r, err := run(10)
			if err != nil {
				t.Fatal(err)
			}
			if r.Ops < 1 || r.Elapsed <= 0 || !c.Own && r.Ops < 10 {
				t.Fatalf("%+v", r)
			}
		})
	}
}
