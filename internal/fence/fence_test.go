package fence

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/carom-ipc/carom"

// below names, by directory, what its packages must not import: that which is above
// or beside them.
var below = map[string][]string{
	"futex":    {"", "shm", "coord", "cmd", "examples", "tests", "bench"},
	"shm":      {"", "coord", "cmd", "examples", "tests", "bench"},
	"coord":    {"", "shm", "futex", "cmd", "examples", "tests", "bench"},
	"internal": {"", "shm", "coord", "futex", "cmd", "examples", "tests", "bench"},
	// It joins coord and shm, which know nothing of each other.
	"internal/served": {"", "cmd", "examples", "tests", "bench"},
	// What package carom is made of stands in this order: host and spawn, which do not know
	// each other, and below them codec and endpoint.
	"internal/codec": {"", "futex", "internal/host", "internal/served", "internal/spawn", "cmd", "examples", "tests", "bench"},
	// Both directories compare signatures, shm's and coord's.
	"internal/signature": {"", "shm", "coord", "futex", "internal/codec", "internal/host", "internal/served", "internal/spawn", "cmd", "examples", "tests", "bench"},
	"internal/endpoint":  {"", "shm", "futex", "internal/codec", "internal/host", "internal/served", "internal/spawn", "cmd", "examples", "tests", "bench"},
	"internal/host":      {"", "shm", "futex", "internal/served", "internal/spawn", "cmd", "examples", "tests", "bench"},
	"internal/spawn":     {"", "futex", "internal/host", "internal/served", "cmd", "examples", "tests", "bench"},
	// What tests of directories of names share.
	"internal/namestest": {"", "shm", "futex", "internal/host", "internal/served", "internal/spawn", "cmd", "examples", "tests", "bench"},
	"":                   {"cmd", "examples", "tests", "bench"},
}

func TestFence(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	seen := 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		seen++
		for _, what := range violations(t, path, filepath.ToSlash(rel)) {
			t.Errorf("%s: %s", rel, what)
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, seen, 50, "the repository was not found")
}

// violations says which rules a file breaks.
func violations(t *testing.T, path, rel string) (found []string) {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ImportsOnly)
	require.NoError(t, err)
	top, _, nested := strings.Cut(rel, "/")
	if !nested {
		top = ""
	}
	rules, ok := below[filepath.ToSlash(filepath.Dir(rel))]
	if !ok {
		rules = below[top]
	}
	isTest := strings.HasSuffix(rel, "_test.go")
	named := strings.HasSuffix(rel, "_unsafe.go") || isTest // a test asserts sizes and offsets
	if !named && bytes.Contains(text, []byte("\n//go:linkname ")) {
		found = append(found, "go:linkname outside of *_unsafe.go")
	}
	for _, spec := range file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		switch dir, ours := strings.CutPrefix(name, module); {
		case name == "C":
			found = append(found, "cgo")
		case name == "unsafe" && !named:
			found = append(found, "unsafe outside of *_unsafe.go")
		case ours && !isTest:
			if slices.ContainsFunc(rules, func(rule string) bool { return within(rule, strings.TrimPrefix(dir, "/")) }) {
				found = append(found, "imports "+name+", which is not below it")
			}
		}
	}
	return found
}

// within tells whether dir is the rule's folder or in it; the root's is that alone.
func within(rule, dir string) bool {
	return dir == rule || rule != "" && strings.HasPrefix(dir, rule+"/")
}
