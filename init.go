package carom

import (
	"fmt"
	"os"
	"sync/atomic"
)

var initCalled atomic.Bool

// Init must be the first line of main, and of TestMain: in a process that was started
// as a worker or as the coordinator it does that work and exits; in any other it
// returns at once.
func Init() {
	initCalled.Store(true)
	role := os.Getenv(roleEnv)
	if role == "" {
		return
	}
	_ = os.Unsetenv(roleEnv) // not for this process's own children
	var err error
	switch role {
	case roleCoord:
		err = runCoordinator()
	case roleWorker:
		err = runWorker()
	default:
		err = fmt.Errorf("carom: %s=%q: no such role", roleEnv, role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
