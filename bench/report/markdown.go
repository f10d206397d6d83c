package main

import (
	"bytes"
	"fmt"
	"os"
)

func (r *results) writeMarkdown(path string) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# Results

Written by %s; do not edit. Read NOTES.md for what the figures mean.

Machine: %s.

The cases of a group took turns, %d runs of about %d ms each. Figures are medians, with the least and the
greatest in parentheses. A ratio is of neighbouring runs, time of ours by time of the reference's: below 1, ours is faster.
Nearness is the round trip of a cache line between two CPUs, before each round and after the last: its median, least and greatest.
`, "`go run ./bench/report`", r.Machine, r.Times, r.RunMillis)
	if len(r.Absent) > 0 {
		b.WriteString("\nNot measured:\n")
		for _, line := range r.Absent {
			fmt.Fprintf(&b, "- %s\n", line)
		}
	}
	r.askedTable(&b)
	section := ""
	for _, g := range r.Groups {
		if g.Section != section {
			section = g.Section
			fmt.Fprintf(&b, "\n## %s\n\n| case | time | ratio | nearness, ns |\n|---|---|---|---|\n", section)
		}
		g.rows(&b)
	}
	r.growthTables(&b)
	if len(r.Plots) > 0 {
		b.WriteString("\n## Plots\n")
		for _, name := range r.Plots {
			fmt.Fprintf(&b, "\n![%s](plots/%s)\n", name, name)
		}
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

func (r *results) askedTable(b *bytes.Buffer) {
	counts := map[string]int{}
	for _, a := range r.Asked {
		counts[a.Verdict]++
	}
	fmt.Fprintf(b, "\n## Ratios asked\n\n%d hold, %d missed, %d not measured.\n\n| work | case | asked | measured | |\n|---|---|---|---|---|\n",
		counts[held], counts[missed], counts[notMeasured])
	work := ""
	for _, a := range r.Asked {
		shown := a.Work
		if shown == work {
			shown = ""
		}
		work = a.Work
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", shown, a.What, a.Asked, a.Measured, a.Verdict)
	}
}

func (g *group) rows(b *bytes.Buffer) {
	least, most := spread(g.Nearness)
	fmt.Fprintf(b, "| **%s** | %s | | %.0f (%.0f…%.0f) |\n", g.Ours.Case, g.Ours.cell(), median(g.Nearness), least, most)
	for _, s := range g.Beside {
		fmt.Fprintf(b, "| – %s | %s | %s | |\n", s.Case, s.cell(), ratioCell(s.Ratios))
	}
	for _, m := range g.Missing {
		fmt.Fprintf(b, "| – %s | %s | | |\n", m.Case, m.Why)
	}
}

func (r *results) growthTables(b *bytes.Buffer) {
	if len(r.Growths) > 0 {
		b.WriteString("\n## Growth\n\nA cost may grow as the logarithm of the number does, log2(2n), or as the number itself where the work is proportional to it.\n")
	}
	for _, g := range r.Growths {
		fmt.Fprintf(b, "\n### With %s\n\n|", g.Title)
		for _, x := range g.At {
			fmt.Fprintf(b, " | %s", number(x))
		}
		b.WriteString(" | grew | asked | |\n|---|---|---|---|")
		for range g.At {
			b.WriteString("---|")
		}
		b.WriteString("\n")
		for _, c := range g.Curves {
			fmt.Fprintf(b, "| %s", c.Name)
			for i := range g.At {
				fmt.Fprintf(b, " | %s", nanos(median(c.Ns[i])))
			}
			a := g.ask(c)
			fmt.Fprintf(b, " | %s | %s | %s |\n", a.Measured, a.Asked, a.Verdict)
		}
	}
}
