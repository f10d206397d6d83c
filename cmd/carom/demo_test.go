package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// makeTree makes n files, two of which cannot be read, and what is not to be counted.
func makeTree(t testing.TB, n int) (dir string) {
	dir = t.TempDir()
	for i := range n {
		sub := filepath.Join(dir, fmt.Sprint("dir", i%7))
		require.NoError(t, os.MkdirAll(sub, 0o755))
		text := strings.Repeat(fmt.Sprintf("line %d with its words\n\n", i), i%17) + strings.Repeat("x", i%400)
		file := filepath.Join(sub, fmt.Sprintf("file%d.e%d", i, i%5))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	for i := range 2 {
		require.NoError(t, os.Symlink(filepath.Join(dir, "nothing"), filepath.Join(dir, fmt.Sprint("dangling", i))))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "the file with the longest name"), nil, 0o644))
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "link to a directory with an even longer name")))
	return dir
}

// demoResult is what a demo's JSON says.
type demoResult struct {
	Workers, KillsWanted, Killed, Replaced int
	Files, Lines, Bytes, Words             int64
	LineLengths                            []int64
	Extensions                             map[string]counts
	LongestName                            string
	Unreadable, Differences                []string
	Seconds, FilesPerSecond                float64
	MessagesPerSecond                      float64
}

func runDemo(t testing.TB, args ...string) (d demoResult) {
	r := runCarom(t, "", append([]string{"demo", "-json"}, args...)...)
	require.Equal(t, 0, r.code, r.stderr)
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &d))
	return d
}

func TestDemo(t *testing.T) {
	const files = 300
	dir := makeTree(t, files)
	plain := runDemo(t, "-dir", dir, "-workers", "3")
	require.Equal(t, 3, plain.Workers)
	require.EqualValues(t, files+3, plain.Files)
	require.Positive(t, plain.Lines)
	require.Positive(t, plain.Words)
	require.Positive(t, plain.MessagesPerSecond)
	require.Len(t, plain.Unreadable, 2)
	require.Empty(t, plain.Differences)
	require.Equal(t, "the file with the longest name", plain.LongestName)
	require.Len(t, plain.Extensions, 6)
	var lines int64
	for _, n := range plain.LineLengths {
		lines += n
	}
	require.Equal(t, plain.Lines, lines)

	for seed, kills := range []int{2, 40} {
		t.Run(fmt.Sprintf("kill=%d", kills), func(t *testing.T) {
			d := runDemo(t, "-dir", dir, "-workers", "3", "-kill", fmt.Sprint(kills), "-seed", fmt.Sprint(seed))
			require.Equal(t, kills, d.Killed)
			require.GreaterOrEqual(t, d.Replaced, kills)
			require.Equal(t, plain.Files, d.Files)
			require.Equal(t, plain.Bytes, d.Bytes)
			require.Equal(t, plain.LineLengths, d.LineLengths)
			require.Equal(t, plain.Extensions, d.Extensions)
			require.Equal(t, plain.Unreadable, d.Unreadable)
		})
	}
}

// Workers beyond the first 16 add to counters of their own team.
func TestDemoTeams(t *testing.T) {
	d := runDemo(t, "-dir", makeTree(t, 60), "-workers", "18", "-kill", "3")
	require.EqualValues(t, 63, d.Files)
	require.Equal(t, 3, d.Killed)
}

func TestDemoOfLittle(t *testing.T) {
	empty := t.TempDir()
	r := runCarom(t, "", "demo", "-dir", empty)
	require.Equal(t, 0, r.code, r)
	require.Regexp(t, `(?m)^files +0, 0 of them unreadable$`, r.stdout)
	r = runCarom(t, "", "demo", "-dir", empty, "-kill", "1")
	require.Equal(t, 1, r.code, r)
	require.Contains(t, r.stderr, "only 0 of 1 workers could be killed")
	require.NoError(t, os.WriteFile(filepath.Join(empty, "one"), []byte("a b\nc"), 0o644))
	d := runDemo(t, "-dir", empty, "-kill", "2")
	require.Equal(t, [4]int64{1, 2, 5, 3}, [4]int64{d.Files, d.Lines, d.Bytes, d.Words})
}

func TestVerdict(t *testing.T) {
	want := &totals{counts: counts{Files: 2, Lines: 3}, Extensions: map[string]counts{".go": {Files: 2}}, Longest: "a"}
	got := &totals{counts: counts{Files: 2, Lines: 4}, Extensions: map[string]counts{".c": {Files: 1}}, Longest: "b", Unreadable: []string{"x"}}
	got.Lengths[7] = 1
	require.Empty(t, want.differences(want))
	r := &report{totals: got, Differences: got.differences(want)}
	var said strings.Builder
	require.Equal(t, exitFindings, r.verdict(&said))
	for _, part := range []string{"differs: lines: 4, a single process counts 3", "lines of 7 bytes: 1,", `files with extension ".c": 1,`,
		`files with extension ".go": 0,`, "longest file name: b,", "unreadable files: [x],"} {
		require.Contains(t, said.String(), part)
	}
	require.NotContains(t, said.String(), "differs: files: ")
}
