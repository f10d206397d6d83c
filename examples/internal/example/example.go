// Package example runs example programs in tests.
package example

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Build compiles the program in the test's own directory.
func Build(t *testing.T) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "example")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", exe, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return exe
}

// Run builds the program, runs it to its end, and returns what it and its workers
// printed.
func Run(t *testing.T, args ...string) string {
	t.Helper()
	exe := Build(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil || errs.Len() > 0 {
		t.Fatalf("%v\nstderr:\n%s\nstdout:\n%s", err, &errs, &out)
	}
	return out.String()
}
