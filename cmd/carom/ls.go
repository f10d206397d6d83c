package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/carom-ipc/carom"
)

func ls(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	m, err := connect(ctx, "ls", args, stderr)
	if err != nil {
		return exitCannot, err
	}
	defer m.Close()
	objects, err := collect(m.Objects(ctx))
	if err != nil {
		return exitCannot, err
	}
	processes, err := collect(m.Processes(ctx))
	if err != nil {
		return exitCannot, err
	}
	processes = slices.DeleteFunc(processes, isSelf)
	slices.SortFunc(objects, func(a, b carom.Info) int { return cmp.Compare(a.Name, b.Name) })
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tKIND\tTYPE\tSIZE\tWHERE\tATTACHED")
	for _, o := range objects {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\n", printable(o.Name), o.Kind, short(o.Type), readable(o.Size), o.Where, o.Attached)
	}
	fmt.Fprintln(w, "\nPID\tROLE\tDEATH SEEN BY\tATTACHED SINCE\tOBJECTS")
	for _, p := range processes {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%d\n", p.PID, p.Role, watcher(p), p.Attached.Format(time.DateTime), p.Objects)
	}
	s := m.Stats()
	fmt.Fprintf(w, "\n%d objects, %s of memory in use, %s committed of %s, %d processes, %d deaths cleaned up after\n",
		len(objects), readable(s.Used), readable(s.Committed), readable(s.Budget), len(processes), s.Recoveries)
	return exitOK, w.Flush()
}

func collect[T any](seq iter.Seq2[T, error]) (list []T, err error) {
	for v, err := range seq {
		if err != nil {
			return list, err
		}
		list = append(list, v)
	}
	return list, nil
}

// isSelf reports that the process is the one that asks, which nobody asked for.
func isSelf(p carom.ProcessInfo) bool { return p.PID == os.Getpid() && p.Role == "program" }

func watcher(p carom.ProcessInfo) string {
	if p.Robust {
		return "kernel"
	}
	return "file lock"
}

// printable keeps a name's control characters from the terminal and the table.
func printable(name string) string {
	for _, r := range name {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return fmt.Sprintf("%q", name)
		}
	}
	return name
}

// short is an element type for a table.
func short(typ string) string {
	const most = 40
	if r := []rune(typ); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return cmp.Or(typ, "-")
}
