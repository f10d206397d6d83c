package main

import (
	"context"
	"errors"
	"io"

	"github.com/carom-ipc/carom"
)

// job is a worker's argument.
type job struct {
	Worker int // its number, which its successor has too
	Batch  int // files, at most maxBatch
	Board  *board
}

// indexers are the demo's workers.
var indexers = carom.NewWorker("index files", func(ctx context.Context, j job) error {
	w := &indexer{job: j, record: j.Board.Records[j.Worker]}
	return w.run(ctx)
})

// at is called between the steps of a worker's life. Tests have it kill the process.
var at = func(step) {}

type step int

const (
	taken     step = iota // files from the queue
	written               // the record, not yet committed
	committed             // the record
	marked                // its files
	added                 // to one counter
	entered               // into one entry of the dict
	confirmed             // one of the files
	steps
)

type indexer struct {
	job
	record *carom.Value[record]
	buf    []byte
}

// run counts files until there are no more. record.go argues why the order of its
// steps matters.
func (w *indexer) run(ctx context.Context) error {
	last := w.record.Load()
	if err := w.Board.apply(ctx, w.Worker, &last); err != nil { // what the one before left unfinished
		return err
	}
	files := make([]file, min(w.Batch, maxBatch))
	for {
		n, err := w.Board.Paths.GetMany(ctx, files)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		at(taken)
		if fresh := w.fresh(files[:n]); len(fresh) > 0 {
			r, err := w.count(ctx, fresh)
			if err != nil {
				return err
			}
			r.Batch = last.Batch + 1
			at(written)
			w.record.Store(*r) // the commit
			at(committed)
			last = *r
			if err := w.Board.apply(ctx, w.Worker, r); err != nil {
				return err
			}
		}
		for range n {
			if err := w.Board.Paths.TaskDone(); err != nil {
				return err
			}
			at(confirmed)
		}
	}
}

// fresh leaves out files that somebody who died has already committed.
func (w *indexer) fresh(files []file) (fresh []file) {
	committed := map[int]bool{}
	for _, v := range w.Board.Records {
		r := v.Load()
		r.files(committed)
	}
	for _, f := range files {
		if !committed[f.Seq] && w.Board.Counted.Load(f.Seq) == 0 {
			fresh = append(fresh, f)
		}
	}
	return fresh
}

// count reads the files and makes their record.
func (w *indexer) count(ctx context.Context, files []file) (*record, error) {
	r := new(record)
	var histogram [lengths]int64
	var longest name
	for _, f := range files {
		if n := nameOf(f.Path); n.longer(longest) {
			longest = n
		}
		r.Seq[r.Files] = uint32(f.Seq)
		r.Files++
		r.Added[0]++
		data, err := read(f.Path, w.buf)
		if w.buf = data; err != nil {
			if err := w.Board.Unreadable.Append(ctx, unreadable{f.Seq, f.Path, err.Error()}); err != nil {
				return nil, err
			}
			continue
		}
		r.counted(f, measure(data, &histogram))
	}
	for i, n := range histogram {
		r.Added[4+i] = uint64(n)
	}
	r.announce(w.Board.Teams[teamOf(w.Worker)], turnOf(w.Worker))
	return r, w.Board.offer(ctx, longest)
}

// offer makes n the longest name if it is.
func (b *board) offer(ctx context.Context, n name) error {
	err := b.LongestLock.Lock(ctx)
	if errors.Is(err, carom.ErrOwnerDied) {
		err = b.LongestLock.Recover(ctx) // the name is the old or the new one, never half of each: nothing to repair
	}
	if err != nil {
		return err
	}
	defer b.LongestLock.Unlock()
	if n.longer(b.Longest.Load()) {
		b.Longest.Store(n)
	}
	return nil
}
