package tests

import (
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
)

// With CAROM_REMOTE=1 in the environment all managers of the tests use the coordinator for
// every object, and so do their workers. All tests run like that but these, which are about
// memory that the process itself maps.
var mapped = map[string]string{
	"TestCrashPoints":         "dies at its own stores to shared memory",
	"TestCoordinatorKilled":   "objects in memory go on without the coordinator",
	"TestOldKernels":          "the process itself calls futex",
	"TestStoppedWatcher":      "the process itself watches another",
	"TestHundredThousandWait": "so many wait in a process; of a session, 16,384 may",
	"TestSweepersDie":         "the processes themselves sweep",
}

func init() {
	after = append(after, func() {
		if os.Getenv("CAROM_REMOTE") != "1" {
			return
		}
		flag.Parse()
		skip := flag.Lookup("test.skip")
		names := "^(" + strings.Join(slices.Sorted(maps.Keys(mapped)), "|") + ")$"
		if given := skip.Value.String(); given != "" {
			names = given + "|" + names
		}
		if err := skip.Value.Set(names); err != nil {
			panic(err)
		}
	})
}
