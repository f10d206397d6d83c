package tests

import (
	"os"
	"testing"

	"github.com/carom-ipc/carom"
)

func TestMain(m *testing.M) {
	carom.Init()
	os.Exit(m.Run())
}
