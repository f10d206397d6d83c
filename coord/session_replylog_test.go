package coord

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The log is compared with the list of all replies.
func TestReplyLog(t *testing.T) {
	sizes := []int{0, 1, 100, 5000, segmentSize, keepBuffer + 1, 200 << 10}
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.SampledFrom([]int{1, 1000, 1 << 20}).Draw(t, "limit")
		l := newReplyLog(limit)
		var all [][]byte
		acked := 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "ack") {
				n := rapid.IntRange(0, len(all)+1).Draw(t, "n")
				err := l.ack(uint64(n))
				require.Equal(t, n > len(all), err != nil)
				if err == nil {
					acked = max(acked, n)
				}
				continue
			}
			size := rapid.SampledFrom(sizes).Draw(t, "size")
			id := rapid.SampledFrom([]uint64{1, 23, 24, 1 << 20, 1 << 40}).Draw(t, "id")
			body := AppendBytes(appendReply(nil, id), make([]byte, size))
			frame := frames(string(body))
			all = append(all, bytes.Clone(frame))
			l.add(frame)
			require.EqualValues(t, len(all)+1, l.next)
		}
		require.GreaterOrEqual(t, l.first, uint64(acked+1))
		kept := 0
		for _, frame := range all[l.first-1:] {
			kept += len(frame)
		}
		require.Equal(t, kept, l.bytes)
		if len(all) > acked {
			require.LessOrEqual(t, kept-len(all[len(all)-1]), limit+200<<10)
			require.LessOrEqual(t, l.first, uint64(len(all)), "the last one is always there")
		}
		n := rapid.IntRange(0, len(all)).Draw(t, "received")
		first := l.first
		again, ok := l.replay(uint64(n))
		require.Equal(t, uint64(n)+1 >= first, ok)
		if !ok {
			return
		}
		var want []byte
		for _, frame := range all[n:] {
			p, err := parseReply(frame[frameHead:], 4)
			require.NoError(t, err)
			p.flags |= flagDuplicate
			body := AppendUint(AppendUint(AppendArray(nil, 3), p.id), p.flags)
			want = append(want, frames(string(append(body, p.value...)))...)
		}
		require.True(t, bytes.Equal(want, bytes.Join(again, nil)))
	})
}
