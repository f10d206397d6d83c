package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// dieEnv makes workers kill themselves after any of their steps, by chance.
const dieEnv = "CAROM_TEST_DIE"

// chance is in how many arrivals at a step a worker dies once.
var chance = [steps]int{taken: 12, written: 12, committed: 4, marked: 12, added: 150, entered: 12, confirmed: 25}

func dieAtRandom(s step) {
	if os.Getenv(dieEnv) != "" && rand.IntN(chance[s]) == 0 {
		if self, err := os.FindProcess(os.Getpid()); err == nil && self.Kill() == nil {
			select {}
		}
	}
}

// Totals are exact whichever steps workers are killed between.
func TestDieAnywhere(t *testing.T) {
	dir := makeTree(t, 150)
	for _, workers := range []int{1, 3} {
		t.Run(fmt.Sprintf("workers=%d", workers), func(t *testing.T) {
			t.Setenv(dieEnv, "1")
			d := runDemo(t, "-dir", dir, "-workers", fmt.Sprint(workers))
			require.EqualValues(t, 153, d.Files)
			require.Positive(t, d.Replaced)
			t.Log(d.Replaced, "workers died")
		})
	}
}
