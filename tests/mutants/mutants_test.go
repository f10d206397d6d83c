// Package mutants puts faults into futex/ and shm/, one at a time, and expects the
// schedules to find each.
package mutants

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	play  = flag.Bool("mutants", false, "run the schedules over every mutant, which takes minutes")
	only  = flag.String("mutant", "", "the mutants whose names contain this")
	write = flag.Bool("write", false, "with -mutants: write ../MUTANTS.md")
)

// TestMutants checks that every mutant can be made, and with -mutants that it is caught.
// The mutated file takes the place of the true one by an overlay: nothing is copied, and
// the tree is not touched.
func TestMutants(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	var rows, harmless []string
	for _, m := range list {
		if !strings.Contains(m.name, *only) {
			continue
		}
		ok := t.Run(m.name, func(t *testing.T) {
			path := filepath.Join(root, m.file)
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, 1, strings.Count(string(text), m.old), "%s no longer has the place once", m.file)
			if m.harmless != "" {
				harmless = append(harmless, fmt.Sprintf("| %s | %s | %s |", m.name, m.file, m.harmless))
			} else if *play {
				mutated := filepath.Join(t.TempDir(), filepath.Base(m.file))
				require.NoError(t, os.WriteFile(mutated, []byte(strings.Replace(string(text), m.old, m.new, 1)), 0o600))
				rows = append(rows, fmt.Sprintf("| %s | %s | %s |", m.name, m.file, caught(t, root, path, mutated)))
			}
		})
		if !ok && !*play {
			t.FailNow()
		}
	}
	if *play && *write && *only == "" {
		require.NoError(t, os.WriteFile("../MUTANTS.md", []byte(head+strings.Join(rows, "\n")+tail+strings.Join(harmless, "\n")+"\n"), 0o644))
	}
}

var failure = regexp.MustCompile(`seed \d+: (.*)\n\s+reproduce: -run '\^TestSchedules/(\w+)\$' -seed (\d+)`)

// caught runs the schedules of futex/ and shm/ and says which found the mutant, and how.
func caught(t *testing.T, root, path, mutated string) string {
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	b, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutated}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, b, 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for _, dir := range []string{"./futex", "./shm"} {
		if dir == "./futex" && strings.Contains(path, "/shm/") {
			continue
		}
		c := exec.CommandContext(ctx, "go", "test", "-tags", "carom_sched", "-overlay", overlay, "-failfast", dir,
			"-run", "^TestSchedules$")
		c.Dir = root
		out, err := c.CombinedOutput()
		if err == nil {
			continue
		}
		found := failure.FindStringSubmatch(string(out))
		require.NotNil(t, found, string(out))
		t.Logf("caught by %s, seed %s: %s", found[2], found[3], found[1])
		return fmt.Sprintf("%s/%s, seed %s: %s", filepath.Base(dir), found[2], found[3], short(found[1]))
	}
	t.Errorf("not caught")
	return "nothing"
}

// short leaves the text of a failure that fits into a row.
func short(s string) string {
	s = strings.ReplaceAll(s, "|", "/")
	if len(s) > 90 {
		s = s[:90] + "…"
	}
	return s
}

const head = `# Mutants

Faults that were put into the algorithms on purpose, one at a time, and what found each:
the scenario of the seeded schedules, the first seed that failed, and how. This file is
written by

	go test ./tests/mutants -mutants -write

Without ` + "`-mutants`" + ` the test only checks that every fault can still be put in. A seed is played
again, with the last accesses before the failure, by

	go test -tags carom_sched ./futex -run '^TestSchedules/Mutex$' -seed 17

| mutant | file | caught by |
|---|---|---|
`

const tail = `

Faults that were tried and need not be caught:

| mutant | file | why |
|---|---|---|
`
