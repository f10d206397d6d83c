package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/carom-ipc/carom"
)

// crew are the worker processes of a demo. Where one is killed, by whomever, another
// takes its number.
type crew struct {
	m     *carom.Manager
	board *board
	batch int
	rand  *rand.Rand

	mu        sync.Mutex
	processes []*carom.Process // by worker; nil: none yet, or ended well
	killed    int              // by kill
	replaced  int              // by another process, whoever killed it
}

func newCrew(m *carom.Manager, b *board, batch int, seed uint64) *crew {
	return &crew{m: m, board: b, batch: batch, rand: rand.New(rand.NewPCG(seed, 0)), processes: make([]*carom.Process, len(b.Records))}
}

// run puts the files through the workers, and kills some of them on the way. It ends
// when they have ended well, or with the first error.
func (c *crew) run(ctx context.Context, files []file, kills int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	start := func(f func() error) {
		all.Go(func() {
			if err := f(); err != nil {
				cancel(err)
			}
		})
	}
	for i := range c.processes {
		start(func() error { return c.keep(ctx, i) })
	}
	start(func() error { return c.feed(ctx, files, kills) })
	all.Wait()
	return context.Cause(ctx)
}

// keep has a process with number i until one ends well.
func (c *crew) keep(ctx context.Context, i int) error {
	for {
		p, err := indexers.Start(ctx, c.m, job{Worker: i, Batch: c.batch, Board: c.board})
		if err != nil {
			return err
		}
		c.set(i, p)
		err = p.Wait()
		c.set(i, nil)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !wasKilled(err) {
			return err
		}
		c.mu.Lock()
		c.replaced++
		c.mu.Unlock()
	}
}

func (c *crew) set(i int, p *carom.Process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.processes[i] = p
}

func wasKilled(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// slack is how many more files there are in the queue than must be counted before the
// next kill: the others are held back until then, so that it meets work.
const slack = ahead / 2

// feed puts the files into the queue, and kills n workers on the way. When to kill is
// drawn as a number of files counted, a short time after that, and a worker.
func (c *crew) feed(ctx context.Context, files []file, n int) error {
	at := make([]int, n)
	for i := range at {
		at[i] = c.rand.IntN(max(len(files)-1, 1))
	}
	slices.Sort(at)
	put := 0
	for i := 0; i < n && len(files) > 0; i++ {
		if limit := min(at[i]+slack, len(files)-1); limit > put {
			if _, err := c.board.Paths.PutMany(ctx, files[put:limit]); err != nil {
				return err
			}
			put = limit
		}
		if err := c.counted(ctx, at[i]); err != nil {
			return err
		}
		if err := sleep(ctx, time.Duration(c.rand.Int64N(int64(killWithin)))); err != nil {
			return err
		}
		if err := c.kill(ctx); err != nil {
			return err
		}
	}
	if _, err := c.board.Paths.PutMany(ctx, files[put:]); err != nil {
		return err
	}
	return c.board.Paths.CloseWrite()
}

const (
	lookEvery  = 200 * time.Microsecond
	killWithin = 8 * time.Millisecond // about as long as a worker needs for a batch
)

// counted waits until n files have been disposed of.
func (c *crew) counted(ctx context.Context, n int) error {
	for {
		if c.board.counts().Files >= int64(n) {
			return nil
		}
		if err := sleep(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// kill kills a worker, with SIGKILL, and waits until it is gone.
func (c *crew) kill(ctx context.Context) error {
	for {
		c.mu.Lock()
		var running []*carom.Process
		for _, p := range c.processes {
			if p != nil {
				running = append(running, p)
			}
		}
		c.mu.Unlock()
		if len(running) > 0 {
			p := running[c.rand.IntN(len(running))]
			if err := p.Kill(); err == nil && wasKilled(p.Wait()) {
				c.mu.Lock()
				c.killed++
				c.mu.Unlock()
				return nil
			}
		}
		if err := sleep(ctx, lookEvery); err != nil { // they are being replaced
			return fmt.Errorf("no worker to kill: %w", err)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
