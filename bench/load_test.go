package bench_test

import (
	"testing"

	"github.com/carom-ipc/carom/bench/internal/benchtest"
	"github.com/carom-ipc/carom/bench/internal/cases"
)

// TestUnderLoad runs queues between processes through many segments, at the speed at
// which both sides meet at the end of one.
func TestUnderLoad(t *testing.T) {
	for _, name := range []string{
		"Queue/impl=carom/procs=2/size=64B",
		"Queue/impl=carom/procs=2/size=64B/batch=32",
		"Queue/impl=carom/procs=2/size=1KiB",
		"ByteQueue/impl=carom/procs=2/size=1KiB",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := cases.Find(name)
			if err != nil {
				t.Fatal(err)
			}
			e := cases.NewEnv(t.Context(), benchtest.Manager(t))
			defer e.Close()
			run, err := c.Open(e)
			if err != nil {
				t.Fatal(err)
			}
			for range 5 {
				if _, err := run(50_000); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
