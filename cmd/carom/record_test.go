package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

func TestMeasure(t *testing.T) {
	for text, want := range map[string]counts{
		"":               {Files: 1},
		"\n":             {Files: 1, Lines: 1, Bytes: 1},
		"a":              {Files: 1, Lines: 1, Bytes: 1, Words: 1},
		"a b\n\n  c\td ": {Files: 1, Lines: 3, Bytes: 11, Words: 4},
	} {
		var h [lengths]int64
		require.Equal(t, want, measure([]byte(text), &h), "%q", text)
		var lines int64
		for _, n := range h {
			lines += n
		}
		require.Equal(t, want.Lines, lines)
	}
}

// A record is applied exactly once, wherever its application was broken off, and
// whatever other workers add in the meantime.
func TestApplyOnce(t *testing.T) {
	const workers, batches, filesPerBatch = turnBits + 2, 4, 3
	m, err := carom.Start(t.Context(), &carom.Options{Memory: 64 << 20})
	require.NoError(t, err)
	defer m.Close()
	b, err := newBoard(m, workers*batches*filesPerBatch, workers)
	require.NoError(t, err)
	draw := rand.New(rand.NewPCG(1, 2))
	var want totals
	want.Extensions = map[string]counts{}
	seq := 0
	// One record of each worker at a time is under way, all in step.
	for batch := range batches {
		open := make([]*record, workers)
		for w := range open {
			r := &record{Batch: uint64(batch + 1)}
			var h [lengths]int64
			for range filesPerBatch {
				f := file{seq, fmt.Sprint("file.", draw.IntN(3))}
				c := measure([]byte(fmt.Sprintln("some", draw.IntN(1e9))), &h)
				r.Seq[r.Files] = uint32(seq)
				r.Files++
				r.Added[0]++
				r.counted(f, c)
				want.add(c)
				ext := extensionOf(f.Path).String()
				sum := want.Extensions[ext]
				sum.add(c)
				want.Extensions[ext] = sum
				seq++
			}
			for i, n := range h {
				r.Added[4+i] = uint64(n)
				want.Lengths[i] += n
			}
			r.announce(b.Teams[teamOf(w)], turnOf(w))
			b.Records[w].Store(*r)
			open[w] = r
		}
		for range 3 {
			for w, r := range open {
				breakOff(t, b, w, r, draw)
			}
		}
		for w := range open {
			r := b.Records[w].Load() // as a successor does
			require.NoError(t, b.apply(t.Context(), w, &r))
			require.NoError(t, b.apply(t.Context(), w, &r), "and its successor")
		}
	}
	got, err := b.totals(t.Context())
	require.NoError(t, err)
	want.Unreadable = []string{}
	require.Empty(t, got.differences(&want))
	require.Equal(t, seq, count(b.Counted.Slice()))
}

// breakOff applies a record up to a random step.
func breakOff(t *testing.T, b *board, worker int, r *record, draw *rand.Rand) {
	part := *r
	if words := draw.IntN(counterWords + 1); words < counterWords {
		clear(part.Added[words:])
		part.Kinds = 0
	}
	part.Kinds = uint32(draw.IntN(int(part.Kinds) + 1))
	ctx, cancel := context.WithCancel(t.Context())
	if draw.IntN(4) == 0 {
		cancel() // before the coordinator is asked
	}
	defer cancel()
	err := b.apply(ctx, worker, &part)
	if ctx.Err() == nil {
		require.NoError(t, err)
	}
}

func count(marks []uint8) (n int) {
	for _, m := range marks {
		n += int(m)
	}
	return n
}

// Who takes files leaves out what a record or a mark shows as committed.
func TestFresh(t *testing.T) {
	m, err := carom.Start(t.Context(), &carom.Options{Memory: 64 << 20})
	require.NoError(t, err)
	defer m.Close()
	b, err := newBoard(m, 10, 2)
	require.NoError(t, err)
	b.Records[1].Store(record{Batch: 1, Files: 2, Seq: [maxBatch]uint32{4, 6}})
	b.Counted.Store(1, 1)
	w := &indexer{job: job{Board: b}}
	files := []file{{0, "zero"}, {1, "one"}, {4, "four"}, {5, "five"}, {6, "six"}}
	require.Equal(t, []file{{0, "zero"}, {5, "five"}}, w.fresh(files))
}

// An addition turns the worker's bit over and leaves those of the others alone.
func TestTurned(t *testing.T) {
	word := uint64(0)
	for i := range uint64(100) {
		for w := range turnBits {
			before := word
			word += turned(word, turnOf(w), i)
			require.Equal(t, before^turnOf(w), word-i, "only the bit has changed")
			require.Equal(t, countIn(before)+int64(i), countIn(word))
			word -= i // the count is not the point here
		}
	}
}

func TestNames(t *testing.T) {
	long, short := nameOf("/a/b/longer.go"), nameOf("/very/long/path/b.go")
	require.True(t, long.longer(short))
	require.False(t, short.longer(long))
	require.True(t, nameOf("a").longer(nameOf("b")), "of equals, the first")
	require.False(t, nameOf("a").longer(nameOf("a")))
	require.Equal(t, "longer.go", long.String())
	require.Equal(t, ".go", extensionOf("x/y.go").String())
	require.Equal(t, "", extensionOf("x.y/z").String())
	require.Equal(t, "", extensionOf("z.an extension too long to be one").String())
	require.Equal(t, ".exactly16bytes!", extensionOf("z.exactly16bytes!").String())
}
