package tests

import (
	"os"
	"testing"
)

// whole says how much the tests do: with CAROM_WHOLE=1 in the environment everything, else
// a sample of it, which is the same each time. What a sample asserts, it asserts as strictly.
var whole = os.Getenv("CAROM_WHOLE") == "1"

// amount is how many of something a test takes.
func amount(t testing.TB, what string, all, sample int) int {
	t.Helper()
	if whole {
		return all
	}
	t.Logf("a sample: %d of %d %s; with CAROM_WHOLE=1, all", sample, all, what)
	return sample
}
