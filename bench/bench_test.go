package bench_test

import (
	"testing"

	"github.com/carom-ipc/carom/bench/internal/benchtest"
	"github.com/carom-ipc/carom/bench/internal/cases"
)

func TestMain(m *testing.M) { benchtest.Main(m) }

func TestCases(t *testing.T) { benchtest.Once(t, cases.All()) }

func family(b *testing.B, name string) { benchtest.Family(b, cases.All(), name) }
