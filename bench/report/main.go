// Report measures carom beside floors and peers, in groups whose members take turns, and
// writes what it finds to bench/RESULTS.md, bench/results.json and bench/plots/*.svg.
//
//	go run ./bench/report                              everything
//	go run ./bench/report -short                       shorter runs, fewer of them
//	go run ./bench/report -only 'Queue|Lock' -out ''   some, on the terminal only
//
// It is run from the root of the repository, as it builds programs from the modules in
// bench/peers and bench/plots. With -anchors, or CAROM_ANCHORS, naming a directory of
// native programs, their figures stand beside the others.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"

	"github.com/carom-ipc/carom"
)

func main() {
	carom.Init()
	short := flag.Bool("short", false, "shorter runs, five of each")
	only := flag.String("only", "", "regular expression: groups of which a case matches, growths whose title does")
	out := flag.String("out", "bench", "directory for the results; empty: none")
	anchors := flag.String("anchors", os.Getenv("CAROM_ANCHORS"), "directory of the native anchors; empty: without them")
	flag.Parse()
	log.SetFlags(0)
	p := plan{run: 200 * time.Millisecond, times: 9}
	if *short {
		p = plan{run: 50 * time.Millisecond, times: 5}
	}
	filter, err := regexp.Compile(*only)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := report(ctx, p, filter, *anchors, *out); err != nil {
		stop()
		log.Fatal(err)
	}
}

func report(ctx context.Context, p plan, filter *regexp.Regexp, anchors, out string) error {
	dir, err := os.MkdirTemp("", "carom-report-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	all := results{Machine: thisMachine(), RunMillis: p.run.Milliseconds(), Times: p.times}
	fmt.Println(all.Machine)
	all.Absent = others(ctx, anchors, dir)
	for _, line := range all.Absent {
		fmt.Println(line)
	}
	p.groups(ctx, filter, &all)
	p.growths(ctx, filter, &all)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	all.ask()
	for _, a := range all.Asked {
		if a.Verdict != notMeasured {
			fmt.Println(a)
		}
	}
	if out == "" {
		return nil
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	path := filepath.Join(out, "results.json")
	if err := all.writeJSON(path); err != nil {
		return err
	}
	all.Plots, err = plots(ctx, path, filepath.Join(out, "plots"))
	if err != nil {
		all.Absent = append(all.Absent, fmt.Sprintf("no plots: %v", err))
		fmt.Println(all.Absent[len(all.Absent)-1])
	}
	return all.writeMarkdown(filepath.Join(out, "RESULTS.md"))
}
