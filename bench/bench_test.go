package bench_test

import (
	"testing"

	"github.com/carom-ipc/carom/bench"
	"github.com/carom-ipc/carom/bench/benchtest"
)

func TestMain(m *testing.M) { benchtest.Main(m) }

func TestCases(t *testing.T) { benchtest.Once(t, bench.Cases()) }

func family(b *testing.B, name string) { benchtest.Family(b, bench.Cases(), name) }
