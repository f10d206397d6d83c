// Report measures carom beside floors and peers, in pairs that alternate, and writes
// what it finds to bench/RESULTS.md and bench/results.json.
//
//	go run ./bench/report           everything, some minutes
//	go run ./bench/report -short    shorter runs, fewer of them
//	go run ./bench/report -only 'Queue|Lock' -out ''     some, on the terminal only
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"

	"github.com/carom-ipc/carom"
	"github.com/carom-ipc/carom/bench"
)

func main() {
	carom.Init()
	short := flag.Bool("short", false, "shorter runs, five of each")
	only := flag.String("only", "", "regular expression: pairs of which a case matches")
	out := flag.String("out", "bench", "directory for RESULTS.md and results.json; empty: none")
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
	if err := report(ctx, p, filter, *out); err != nil {
		stop()
		log.Fatal(err)
	}
}

func report(ctx context.Context, p plan, filter *regexp.Regexp, out string) error {
	m, err := bench.StartManager(ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	all := results{Machine: thisMachine(), RunMillis: p.run.Milliseconds(), Times: p.times}
	fmt.Println(all.Machine)
	var failed error
	for _, q := range pairs {
		if !filter.MatchString(q.Ours) && !filter.MatchString(q.Reference) {
			continue
		}
		r, err := p.measure(ctx, m, q)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, bench.ErrMissing):
			fmt.Printf("%s beside %s: skipped, %v\n", q.Ours, q.Reference, err)
			continue
		case err != nil: // the others are still worth knowing
			failed = errors.Join(failed, fmt.Errorf("%s beside %s: %w", q.Ours, q.Reference, err))
			fmt.Printf("%s beside %s: FAILED, %v\n", q.Ours, q.Reference, err)
			continue
		}
		fmt.Println(r)
		all.Pairs = append(all.Pairs, r)
	}
	if out == "" {
		return failed
	}
	return errors.Join(failed, all.writeJSON(filepath.Join(out, "results.json")), all.writeMarkdown(filepath.Join(out, "RESULTS.md")))
}
