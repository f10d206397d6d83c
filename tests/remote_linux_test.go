package tests

import (
	"flag"
	"os"
	"strings"
)

// remote says how the tests are run: with CAROM_REMOTE=1 in the environment all managers use
// the coordinator for every object, and so do their workers.
var remote = os.Getenv("CAROM_REMOTE") == "1"

// mapped are the tests that are not run like that, because they are about memory that the
// process itself maps.
var mapped = map[string]string{
	"TestOwnerKilled/coordinator_dead": "objects in memory go on without the coordinator",
	"TestCrashPoints":                  "dies at its own stores to shared memory",
	"TestStopPoints":                   "stops at its own stores to shared memory",
	"TestCoordinatorKilled":            "objects in memory go on without the coordinator",
	"TestOldKernels":                   "the process itself calls futex",
	"TestStoppedWatcher":               "the process itself watches another",
	"TestHundredThousandWait":          "so many wait in a process; of a session, 16,384 may",
	"TestPIDNamespace":                 "a session has the coordinator's PID",
	"TestSweepersDie":                  "the processes themselves sweep",
}

func init() {
	after = append(after, func() {
		if !remote {
			return
		}
		flag.Parse()
		skip := flag.Lookup("test.skip")
		var names []string
		if given := skip.Value.String(); given != "" {
			names = append(names, given)
		}
		for name := range mapped {
			names = append(names, "^"+strings.ReplaceAll(name, "/", "$/^")+"$")
		}
		if err := skip.Value.Set(strings.Join(names, "|")); err != nil {
			panic(err)
		}
	})
}
