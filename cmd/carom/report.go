package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// report is what a demo says at its end.
type report struct {
	Dir      string `json:"dir"`
	Workers  int    `json:"workers"`
	Seed     uint64 `json:"seed"`
	Kills    int    `json:"killsWanted"`
	Killed   int    `json:"killed"`   // while there was work left
	Replaced int    `json:"replaced"` // workers that were killed, by the demo or by others
	*totals
	Seconds     float64  `json:"seconds"`
	Alone       float64  `json:"singleProcessSeconds"`
	FilesRate   float64  `json:"filesPerSecond"`
	Messages    uint64   `json:"messages"` // items through the queue and calls to the coordinator
	MessageRate float64  `json:"messagesPerSecond"`
	Differences []string `json:"differences"`
}

func (r *report) finish(took time.Duration, items int, calls uint64) {
	r.Seconds = took.Seconds()
	r.Messages = uint64(items) + calls
	r.FilesRate, r.MessageRate = float64(items)/r.Seconds, float64(r.Messages)/r.Seconds
}

func (r *report) print(w io.Writer, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		return out.Encode(r)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "tree\t%s\n", r.Dir)
	fmt.Fprintf(t, "workers\t%d processes, %d of them killed and replaced\n", r.Workers, r.Replaced)
	fmt.Fprintf(t, "files\t%d, %d of them unreadable\n", r.Files, len(r.Unreadable))
	fmt.Fprintf(t, "lines\t%d, half of them of at most %d bytes, 99%% of at most %s\n", r.Lines, r.length(0.5), atMost(r.length(0.99)))
	fmt.Fprintf(t, "bytes\t%d\n", r.Bytes)
	fmt.Fprintf(t, "words\t%d\n", r.Words)
	fmt.Fprintf(t, "extensions\t%d\n", len(r.Extensions))
	fmt.Fprintf(t, "longest name\t%s\n", printable(r.Longest))
	fmt.Fprintf(t, "seconds\t%.2f, a single process %.2f\n", r.Seconds, r.Alone)
	fmt.Fprintf(t, "files/s\t%.0f\n", r.FilesRate)
	fmt.Fprintf(t, "messages/s\t%.0f\n", r.MessageRate)
	return t.Flush()
}

func atMost(length int) string {
	if length == lengths-1 {
		return "any number"
	}
	return fmt.Sprint(length)
}

// verdict says what is wrong with the run, and gives the exit code.
func (r *report) verdict(stderr io.Writer) int {
	code := exitOK
	for _, d := range r.Differences {
		fmt.Fprintf(stderr, "carom demo: differs: %s\n", d)
		code = exitFindings
	}
	if r.Killed < r.Kills {
		fmt.Fprintf(stderr, "carom demo: only %d of %d workers could be killed before the work was done\n", r.Killed, r.Kills)
		code = exitFindings
	}
	if code == exitOK {
		fmt.Fprintln(stderr, "carom demo: the totals are those of a single process")
	}
	return code
}
