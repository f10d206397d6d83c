package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

type results struct {
	Machine   machine    `json:"machine"`
	RunMillis int64      `json:"run_ms"`
	Times     int        `json:"times"`
	Pairs     []measured `json:"pairs"`
}

func (r results) writeJSON(path string) error {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

func (r results) writeMarkdown(path string) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# Results

Written by %s; do not edit. Read NOTES.md for what the figures mean.

Machine: %s.

Each line is a pair of cases that took turns, %d runs of about %d ms each. Figures are medians, with the least and the
greatest in parentheses. The ratio is of neighbouring runs, ours by the reference's: below 1, ours is faster. Nearness is
the round trip of a cache line between two CPUs at the time.

| ours | time | reference | time | ratio | asked | nearness |
|---|---|---|---|---|---|---|
`, "`go run ./bench/report`", r.Machine, r.Times, r.RunMillis)
	for _, p := range r.Pairs {
		fmt.Fprintf(&b, "| %s | %s ", p.Ours.Case, p.Ours.cell())
		if p.Reference == nil {
			b.WriteString("| | | | ")
		} else {
			least, most := spread(p.Ratios)
			fmt.Fprintf(&b, "| %s | %s | %.3g (%.3g…%.3g) | %s ", p.Reference.Case, p.Reference.cell(), p.ratio(), least, most, p.asked())
		}
		fmt.Fprintf(&b, "| %.0f ns |\n", median(p.Nearness))
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

func (s *side) cell() string {
	least, most := spread(s.Ns)
	return fmt.Sprintf("%s (%s…%s)%s", nanos(median(s.Ns)), nanos(least), nanos(most), s.further())
}

func (r measured) asked() string {
	if r.AtMost == 0 {
		return ""
	}
	return fmt.Sprintf("≤ %.3g: %s", r.AtMost, verdict(r.holds()))
}
