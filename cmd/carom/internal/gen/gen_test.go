package gen

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is in the repository is what the generator writes.
func TestGenerated(t *testing.T) {
	for _, c := range []struct {
		dir, output string
		types       []string
	}{
		{"shapes", "shape_proxy.go", []string{"Shape", "Leaf", "Grove"}},
		{"../../../../examples/customcounter", "counter_proxy.go", []string{"Counter"}},
	} {
		t.Run(filepath.Base(c.dir), func(t *testing.T) {
			output := filepath.Join(c.dir, c.output)
			source, err := Generate(Options{Dir: c.dir, Types: c.types, Output: output})
			require.NoError(t, err)
			committed, err := os.ReadFile(output)
			require.NoError(t, err)
			require.Equal(t, string(committed), string(source), "go generate ./... brings it up to date")
		})
	}
}

var wanted = regexp.MustCompile(`(?m)^// want (\S+): (.*)$`)

// Each package of testdata says what is wrong with it.
func TestErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.go")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			want := wanted.FindSubmatch(source)
			require.NotNil(t, want)
			_, err = Generate(Options{Dir: dir, Types: []string{string(want[1])}, Output: filepath.Join(dir, "out.go")})
			require.ErrorContains(t, err, string(want[2]))
		})
	}
	_, err = Generate(Options{Dir: t.TempDir(), Types: []string{"T"}})
	require.Error(t, err)
}
