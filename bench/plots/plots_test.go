package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestDraw draws a little of everything, and reads it as XML.
func TestDraw(t *testing.T) {
	in, out := filepath.Join(t.TempDir(), "results.json"), filepath.Join(t.TempDir(), "plots")
	const text = `{
		"machine": {"cpu": "some", "cores": 2, "day": "2026-01-01"},
		"groups": [
			{"ours": {"case": "Queue/impl=carom/procs=2/size=64B", "bytes": 64, "ns_per_op": [30, 40, 35]},
			 "beside": [{"case": "Queue/impl=unix/procs=2/size=64B", "bytes": 64, "ns_per_op": [1000]}]},
			{"ours": {"case": "DictGet/impl=carom/way=socket/clients=1/goroutines=1", "ns_per_op": [20000]}}],
		"growths": [{"title": "objects", "at": [10, 100], "curves": [{"name": "open", "ns_per_op": [[500, 600], null]}]}]
	}`
	if err := os.WriteFile(in, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	names, err := draw(in, out)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != 3 {
		t.Errorf("drew %q", names)
	}
	for _, name := range names {
		f, err := os.Open(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for d := xml.NewDecoder(f); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}
