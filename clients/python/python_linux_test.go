// Package python holds the client in Python; this runs its tests against the coordinator of this tree.
package python

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPythonClient(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: the client in Python is not tested")
	}
	if err := exec.Command(python, "-c", "import sys; sys.exit(sys.version_info < (3, 8))").Run(); err != nil {
		t.Skip("python3 is older than 3.8: the client in Python is not tested")
	}
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "../../cmd/carom", "./tests/types")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	tests := exec.CommandContext(t.Context(), python, "-B", "-m", "unittest", "discover", "-s", "tests")
	tests.Env = append(os.Environ(), "CAROM_BINARY="+filepath.Join(dir, "carom"), "CAROM_TYPES_BINARY="+filepath.Join(dir, "types"))
	out, err = tests.CombinedOutput()
	require.NoError(t, err, string(out))
}
