package main

import "context"

// maxBatch is how many files a worker counts before it adds to what all share.
const maxBatch = 32

// A record is what one batch of files adds to the shared totals, written down before
// any of it is added. Each worker has one, in a Value.
//
// # Why the totals are exact though workers are killed at any instruction
//
// The record of worker w is written by nobody but w's process, and w's next process
// starts when the one before has been reaped. Storing the record is one atomic step,
// because a Value of any size never tears. That store is the commit of the batch.
//
//  1. Killed before the commit, a worker has changed nothing that is counted: what it
//     found is in its private memory. (The longest name and the list of unreadable
//     files it has touched; see 5.) The queue gives its files to others, because it
//     has not confirmed them.
//
//  2. After the commit, the record is applied exactly once, however often its
//     application is begun. apply does only what the shared state does not already
//     show as done: a counter word shows it by the worker's bit (counter.go), an
//     entry of the dict by the number of the worker's last batch in it. Both change
//     in the same atomic step as the sums. The next process of w begins with
//     apply(record), and is itself followed by another if it is killed there; the
//     run ends when all workers have ended well, so every record is applied.
//     A request that the killed process had sent and the coordinator reads late does
//     no harm: it is a compare-and-swap of a version, and fails once the successor's
//     has succeeded; or it succeeds first, and the successor's fails and sees it.
//
//  3. No file is in two records. A file is delivered to another worker only when the
//     one that had it is dead. If that one had committed it, then before it died, so
//     when the next has the file in hand, the record is there to see, or the one
//     after it, and then the file's mark is set: apply sets the marks first, and a
//     record is overwritten only when it has been applied. Therefore, who takes files
//     reads all records, then the marks, in this order (indexer.fresh), and leaves out
//     what it meets in either.
//
//  4. No file is in no record: a file is confirmed only by a worker that has committed
//     and applied a record with it, or has seen it in one (3), which is applied by 2.
//     Files that are not confirmed come back, and the queue does not end before.
//
//  5. The longest name is a maximum: to take a file into account again changes
//     nothing. An unreadable file is appended to the list before the commit, so it
//     may be there twice, and whoever reads the list goes by its number.
type record struct {
	Batch  uint64 // 1, 2, 3… of this worker; 0 before the first
	Files  uint32 // of Seq
	Kinds  uint32 // of Kind
	Seq    [maxBatch]uint32
	Added  [counterWords]uint64
	Before [counterWords]uint64 // the worker's bit in each word
	Kind   [maxBatch]extension
	Found  [maxBatch]counts // by Kind
}

// An entry of the dict is what all files with one extension add up to.
type entry struct {
	Sum  counts
	Last map[int]uint64 // by worker: the last batch that is in Sum
}

// apply adds what the record says, as far as it has not been added.
func (b *board) apply(ctx context.Context, worker int, r *record) error {
	for _, seq := range r.Seq[:r.Files] {
		b.Counted.Store(int(seq), 1)
	}
	at(marked)
	turn, team := turnOf(worker), b.Teams[teamOf(worker)]
	for i, delta := range r.Added {
		if now := team.load(i); delta != 0 && now&turn == r.Before[i] {
			team.add(i, turned(now, turn, delta))
			at(added)
		}
	}
	for i, kind := range r.Kind[:r.Kinds] {
		_, err := b.Extensions.Compute(ctx, kind.String(), func(e entry, _ bool) (entry, error) {
			if e.Last[worker] >= r.Batch {
				return e, nil
			}
			if e.Last == nil {
				e.Last = map[int]uint64{}
			}
			e.Last[worker] = r.Batch
			e.Sum.add(r.Found[i])
			return e, nil
		})
		if err != nil {
			return err
		}
		at(entered)
	}
	return nil
}

// files adds the record's files to a set.
func (r *record) files(set map[int]bool) {
	for _, seq := range r.Seq[:r.Files] {
		set[int(seq)] = true
	}
}

// counted takes a readable file into the record.
func (r *record) counted(f file, c counts) {
	kind := extensionOf(f.Path)
	i := uint32(0)
	for i < r.Kinds && r.Kind[i] != kind {
		i++
	}
	if i == r.Kinds {
		r.Kind[i] = kind
		r.Kinds++
	}
	r.Found[i].add(c)
	for i, n := range [...]int64{c.Lines, c.Bytes, c.Words} {
		r.Added[1+i] += uint64(n)
	}
}

// announce notes the worker's bit in each word that the record will add to.
func (r *record) announce(team counters, turn uint64) {
	for i := range r.Before {
		r.Before[i] = team.load(i) & turn
	}
}
