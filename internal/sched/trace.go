//go:build carom_sched

package sched

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// trace keeps the last accesses of a schedule.
type trace struct {
	lines []string
	most  int
}

func (tr *trace) add(t *thread) {
	if len(tr.lines) == 2*tr.most {
		tr.lines = append(tr.lines[:0], tr.lines[tr.most:]...)
	}
	tr.lines = append(tr.lines, fmt.Sprintf("%6d  %-28s %s", playing.steps, t, where()))
}

// where names the access: what is done, and the innermost places that do it.
func where() string {
	var pcs [24]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs[:])])
	var what, places []string
	for f, more := frames.Next(); more && len(places) < 3; f, more = frames.Next() {
		name := f.Function[strings.LastIndexByte(f.Function, '/')+1:]
		switch own := strings.HasPrefix(name, "atom.") || strings.HasPrefix(name, "sched."); {
		case !own:
			places = append(places, fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line))
		case len(places) == 0:
			what = []string{name}
		}
	}
	return strings.Join(append(what, places...), " ")
}

func (tr *trace) String() string {
	lines := tr.lines[max(0, len(tr.lines)-tr.most):]
	return strings.Join(lines, "\n")
}
