package main

import (
	"flag"
	"strings"

	"github.com/carom-ipc/carom"
)

// addresses is a flag that may be given several times.
type addresses []string

func (a *addresses) String() string     { return strings.Join(*a, " ") }
func (a *addresses) Set(s string) error { *a = append(*a, s); return nil }

// limitFlags are the limits that carom.Limits documents; 0 is the default of each.
func limitFlags(f *flag.FlagSet) func() carom.Limits {
	var l carom.Limits
	var frame, memory size
	f.Var(&frame, "max-frame", "")
	f.Var(&memory, "max-objects-memory", "")
	f.IntVar(&l.Depth, "max-depth", 0, "")
	f.IntVar(&l.Connections, "max-connections", 0, "")
	f.IntVar(&l.Sessions, "max-sessions", 0, "")
	f.DurationVar(&l.Grace, "grace", 0, "")
	return func() carom.Limits {
		l.Frame, l.Memory = int(frame), int64(memory)
		return l
	}
}
