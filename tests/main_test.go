package tests

import (
	"fmt"
	"os"
	"testing"

	"github.com/carom-ipc/carom"
)

// before runs in every process of the tests before it attaches to anything.
var before []func() error

func TestMain(m *testing.M) {
	for _, f := range before {
		if err := f(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	carom.Init()
	os.Exit(m.Run())
}
