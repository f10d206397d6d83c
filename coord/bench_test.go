package coord

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func init() {
	// What a dict's get is measured against: the least that two Go processes
	// can do over a unix socket. It echoes what each read brings.
	commands["echo"] = func() {
		l, err := net.Listen("unix", os.Args[1])
		if err != nil {
			panic(err)
		}
		go func() {
			conn, err := l.Accept()
			if err != nil {
				panic(err)
			}
			buf := make([]byte, 4096)
			for {
				n, err := conn.Read(buf)
				if err != nil {
					return
				}
				if _, err := conn.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
		signalReady()
		untilOrphaned()
	}
}

// BenchmarkGet compares get of a dict, unpipelined, with a bare echo of a
// request of the same size. Rounds of both alternate, because the machine's
// mood changes within seconds; the figures are medians of the rounds.
func BenchmarkGet(b *testing.B) {
	dir := b.TempDir()
	serve, echo := filepath.Join(dir, "serve"), filepath.Join(dir, "echo")
	startCommand(b, "serve", serve)
	startCommand(b, "echo", echo)
	ctx := context.Background()
	c, err := Dial(ctx, "unix", serve, DialConfig{AuthKey: testKey})
	require.NoError(b, err)
	defer c.Close()
	id := open(b, c, KindDict, "bench")
	invoke(b, c, id, "set", "key", "a value of some 24 bytes")
	bare, err := net.Dial("unix", echo)
	require.NoError(b, err)
	defer bare.Close()

	request := args("key")
	frame := appendRequest(beginFrame(nil), 1<<20, id, "get", request)
	answer := make([]byte, len(frame))
	var result []byte
	get := func() {
		result, err = c.Call(ctx, id, "get", request, result[:0])
		if err != nil {
			b.Fatal(err)
		}
	}
	bounce := func() {
		if _, err := bare.Write(frame); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(bare, answer); err != nil {
			b.Fatal(err)
		}
	}
	const round = 1000
	measure := func(f func()) time.Duration {
		start := time.Now()
		for range round {
			f()
		}
		return time.Since(start) / round
	}
	var gets, echoes []time.Duration
	var ratios []float64
	for b.Loop() {
		e, g := measure(bounce), measure(get)
		echoes, gets = append(echoes, e), append(gets, g)
		ratios = append(ratios, float64(g)/float64(e))
	}
	slices.Sort(gets)
	slices.Sort(echoes)
	slices.Sort(ratios)
	mid := len(gets) / 2
	b.ReportMetric(float64(echoes[mid].Nanoseconds()), "echo-ns")
	b.ReportMetric(float64(gets[mid].Nanoseconds()), "get-ns")
	b.ReportMetric(ratios[len(ratios)/2], "ratio")
	b.ReportMetric(ratios[len(ratios)/10], "ratio-p10")
	b.ReportMetric(ratios[len(ratios)*9/10], "ratio-p90")
}

// BenchmarkPipelined has 64 goroutines share one connection.
func BenchmarkPipelined(b *testing.B) {
	path := filepath.Join(b.TempDir(), "serve")
	startCommand(b, "serve", path)
	c := dialTest(b, path)
	id := open(b, c, KindDict, "bench")
	invoke(b, c, id, "set", "key", "a value of some 24 bytes")
	request := args("key")
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var out []byte
		var err error
		for pb.Next() {
			if out, err = c.Call(context.Background(), id, "get", request, out[:0]); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
