package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/carom-ipc/carom"
)

// The most worker processes and kills that anybody means.
const (
	maxWorkers = 512
	maxKills   = 10000
)

func demo(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	f := newFlags("demo")
	dir := f.String("dir", "", "")
	workers := f.Int("workers", min(runtime.NumCPU(), maxWorkers), "")
	kills := f.Int("kill", 0, "")
	seed := f.Uint64("seed", 1, "")
	asJSON := f.Bool("json", false, "")
	if err := parse(f, args); err != nil {
		return exitCannot, err
	}
	if *workers < 1 || *workers > maxWorkers {
		return exitCannot, fmt.Errorf("-workers %d: want 1 to %d", *workers, maxWorkers)
	}
	if *kills < 0 || *kills > maxKills {
		return exitCannot, fmt.Errorf("-kill %d: want 0 to %d", *kills, maxKills)
	}
	if *dir == "" {
		var err error
		if *dir, err = defaultTree(ctx); err != nil {
			return exitCannot, err
		}
	}
	r, err := index(ctx, demoConfig{dir: *dir, workers: *workers, kills: *kills, seed: *seed, status: stderr})
	if err != nil {
		return exitCannot, err
	}
	if err := r.print(stdout, *asJSON); err != nil {
		return exitCannot, err
	}
	return r.verdict(stderr), nil
}

type demoConfig struct {
	dir            string
	workers, kills int
	seed           uint64
	status         io.Writer // for the progress line
}

// index runs the demo: once with worker processes, once alone.
func index(ctx context.Context, c demoConfig) (*report, error) {
	m, err := carom.Start(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	r := &report{Dir: c.dir, Workers: c.workers, Kills: c.kills, Seed: c.seed}
	begin := time.Now()
	files, err := walk(ctx, c.dir)
	if err != nil {
		return nil, err
	}
	if r.totals, err = indexTogether(ctx, m, c, files, r); err != nil {
		return nil, err
	}
	r.finish(time.Since(begin), len(files), m.Stats().Calls)

	begin = time.Now()
	if files, err = walk(ctx, c.dir); err != nil {
		return nil, err
	}
	alone, err := indexAlone(ctx, files)
	if err != nil {
		return nil, err
	}
	r.Alone = time.Since(begin).Seconds()
	r.Differences = r.totals.differences(alone)
	return r, nil
}

// indexTogether has the worker processes do it.
func indexTogether(ctx context.Context, m *carom.Manager, c demoConfig, files []file, r *report) (*totals, error) {
	b, err := newBoard(m, len(files), c.workers)
	if err != nil {
		return nil, err
	}
	crew := newCrew(m, b, batchFor(len(files), c.workers), c.seed)
	defer progress(c.status, b, len(files))()
	if err := crew.run(ctx, files, c.kills); err != nil {
		return nil, err
	}
	r.Killed, r.Replaced = crew.killed, crew.replaced
	return b.totals(ctx)
}

// batchFor is how many files a worker commits at once: as many as are worth a call to
// the coordinator, but not so many that the last of a small tree are left to one worker.
func batchFor(files, workers int) int { return min(max(files/(workers*16), 1), maxBatch) }
