package served

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/coord"
)

// What a call to shared memory costs beside one to the coordinator's own memory.
func BenchmarkRoundTrip(b *testing.B) {
	s := newScene(b, coord.Limits{})
	c := s.client()
	d, err := c.Open(testContext(b), coord.KindDict, "d", "", nil, coord.Create)
	require.NoError(b, err)
	dict := thing{c, d}
	dict.gives("1", "set", 1, 2)
	lock := c.create("lock", "l", "", false)
	value := c.create("value", "v", "int64", 8, nil)
	event := c.create("event", "e", "")
	semaphore := c.create("semaphore", "s", "", 1, false)
	queue := c.create("queue", "q", "any", 0, false)
	item := make([]byte, 64)
	for _, bench := range []struct {
		name  string
		calls []func() ([]byte, error)
	}{
		{"op=dict.get", []func() ([]byte, error){dict.fast("get", 1)}},
		{"op=value.load", []func() ([]byte, error){value.fast("load")}},
		{"op=event.isset", []func() ([]byte, error){event.fast("isset")}},
		{"op=lock+unlock", []func() ([]byte, error){lock.fast("lock"), lock.fast("unlock")}},
		{"op=acquire+release", []func() ([]byte, error){semaphore.fast("acquire"), semaphore.fast("release", 1)}},
		{"op=put+get", []func() ([]byte, error){queue.fast("put", item), queue.fast("get")}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, call := range bench.calls {
					if _, err := call(); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(bench.calls)), "ns/call")
		})
	}
}

// fast is a request that does not allocate at the client.
func (o thing) fast(method string, a ...any) func() ([]byte, error) {
	args, ctx := enc(append([]any{}, a...)), testContext(o.c.t)
	var out []byte
	return func() ([]byte, error) {
		var err error
		out, err = o.c.Call(ctx, o.handle, method, args, out[:0])
		return out, err
	}
}
