package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// totals are the result of indexing a tree.
type totals struct {
	counts
	Lengths    [lengths]int64    `json:"lineLengths"`
	Extensions map[string]counts `json:"extensions"`
	Longest    string            `json:"longestName"`
	Unreadable []string          `json:"unreadable"` // paths, sorted
}

// indexAlone computes the totals without any of carom, to compare with.
func indexAlone(ctx context.Context, files []file) (*totals, error) {
	t := &totals{Extensions: map[string]counts{}, Unreadable: []string{}}
	var longest name
	var buf []byte
	for _, f := range files {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if n := nameOf(f.Path); n.longer(longest) {
			longest = n
		}
		data, err := read(f.Path, buf)
		if buf = data; err != nil {
			t.Files++
			t.Unreadable = append(t.Unreadable, f.Path)
			continue
		}
		c := measure(data, &t.Lengths)
		t.add(c)
		ext := extensionOf(f.Path).String()
		sum := t.Extensions[ext]
		sum.add(c)
		t.Extensions[ext] = sum
	}
	t.Longest = longest.String()
	slices.Sort(t.Unreadable)
	return t, nil
}

// differences says in what t is not what it should be.
func (t *totals) differences(want *totals) []string {
	found := []string{}
	differ := func(what string, got, want any) {
		if got != want {
			found = append(found, fmt.Sprintf("%s: %v, a single process counts %v", what, got, want))
		}
	}
	compare := func(what string, got, want counts) {
		differ("files"+what, got.Files, want.Files)
		differ("lines"+what, got.Lines, want.Lines)
		differ("bytes"+what, got.Bytes, want.Bytes)
		differ("words"+what, got.Words, want.Words)
	}
	compare("", t.counts, want.counts)
	for i := range t.Lengths {
		differ(fmt.Sprintf("lines of %d bytes", i), t.Lengths[i], want.Lengths[i])
	}
	all := maps.Clone(t.Extensions)
	maps.Copy(all, want.Extensions)
	for _, ext := range slices.Sorted(maps.Keys(all)) {
		compare(fmt.Sprintf(" with extension %q", ext), t.Extensions[ext], want.Extensions[ext])
	}
	differ("longest file name", t.Longest, want.Longest)
	if !slices.Equal(t.Unreadable, want.Unreadable) {
		differ("unreadable files", fmt.Sprint(t.Unreadable), fmt.Sprint(want.Unreadable))
	}
	return found
}

// length is the length in bytes that the given share of lines does not exceed.
func (t *totals) length(share float64) int {
	left := int64(share * float64(t.Lines))
	for i, n := range t.Lengths {
		if left -= n; left <= 0 {
			return i
		}
	}
	return lengths - 1
}
