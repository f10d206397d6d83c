package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/carom-ipc/carom"
)

func TestMain(m *testing.M) {
	carom.Init()
	code := m.Run()
	if shared.m != nil {
		_ = shared.m.Close()
	}
	os.Exit(code)
}

var shared struct {
	once sync.Once
	m    *carom.Manager
	err  error
}

func manager(tb testing.TB) *carom.Manager {
	shared.once.Do(func() { shared.m, shared.err = StartManager(context.Background()) })
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	return shared.m
}

// family runs the cases of one benchmark. A case is opened when it first runs, and
// stays open while the number of operations grows.
func family(b *testing.B, name string) {
	found := false
	for _, c := range Cases() {
		if c.Family() != name {
			continue
		}
		found = true
		var e *Env
		var run Run
		b.Run(c.Name[len(name)+1:], func(b *testing.B) {
			if e == nil {
				e = NewEnv(context.Background(), manager(b))
				var err error
				if run, err = c.Open(e); errors.Is(err, ErrMissing) {
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

// TestCases runs each case once, so that none rots.
func TestCases(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Cases() {
		if seen[c.Name] {
			t.Errorf("two cases called %s", c.Name)
		}
		seen[c.Name] = true
		t.Run(c.Name, func(t *testing.T) {
			e := NewEnv(t.Context(), manager(t))
			defer e.Close()
			run, err := c.Open(e)
			if errors.Is(err, ErrMissing) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			r, err := run(10)
			if err != nil {
				t.Fatal(err)
			}
			if r.Ops < 10 || r.Elapsed <= 0 {
				t.Fatal(fmt.Sprint(r))
			}
		})
	}
}
