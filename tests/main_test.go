package tests

import (
	"fmt"
	"os"
	"testing"

	"github.com/carom-ipc/carom"
)

// before runs in every process of the tests before it attaches to anything.
var before []func() error

// after runs in every process that is neither a worker nor a coordinator, and may end
// it: a program of its own.
var after []func()

func TestMain(m *testing.M) {
	if raced { // every process would take a second to go
		_ = os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	}
	for _, f := range before {
		if err := f(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	carom.Init()
	for _, f := range after {
		f()
	}
	os.Exit(m.Run())
}
