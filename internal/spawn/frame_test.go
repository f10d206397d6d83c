package spawn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
)

func TestFrames(t *testing.T) {
	var b bytes.Buffer
	start := Start{Name: "n", Args: []byte{0xf6}, Addr: "unix:///s", Key: []byte("key"), Codec: "json", Limits: coord.Limits{Frame: 1 << 20},
		Starter: 7, Direct: true, Timeout: time.Second, NoLane: true, Remote: true, Arena: []byte("0123456789abcdef")}
	said := errorMessage(fmt.Errorf("the queue: %w", errs.ErrFull))
	require.NoError(t, sendStart(&b, start))
	require.NoError(t, send(&b, said))

	got, err := receiveStart(&b)
	require.NoError(t, err)
	start.Size = len(start.Args)
	require.Equal(t, start, got)
	m, err := receiveMessage(&b)
	require.NoError(t, err)
	require.Equal(t, said, m)
	require.ErrorIs(t, errs.FromCode(m.Code, m.Text), errs.ErrFull)
	_, err = receiveMessage(&b)
	require.ErrorIs(t, err, io.EOF)
}

func TestFramesThatAreTooLarge(t *testing.T) {
	_, err := receiveMessage(bytes.NewReader([]byte{0xff, 0xff, 0xff, 0xff}))
	require.ErrorIs(t, err, errs.ErrTooLarge)
	require.ErrorIs(t, send(io.Discard, message{Text: strings.Repeat("x", maxFrame)}), errs.ErrTooLarge)

	require.NoError(t, CheckArgs(maxArgs))
	err = CheckArgs(maxArgs + 1)
	require.ErrorIs(t, err, errs.ErrTooLarge)
	require.ErrorContains(t, err, "1073741824 (1 GiB)")
	for _, size := range []int{-1, maxArgs + 1} {
		var b bytes.Buffer
		require.NoError(t, send(&b, Start{Size: size}))
		_, err = receiveStart(&b)
		require.ErrorIs(t, err, errs.ErrTooLarge)
	}

	said := errorMessage(errors.New(strings.Repeat("x", 2*maxText)))
	require.Less(t, len(said.Text), maxText+10, "an error of any length arrives")
}

// FuzzMessage reads messages from anywhere: bytes that are none are an error.
func FuzzMessage(f *testing.F) {
	var b bytes.Buffer
	require.NoError(f, send(&b, errorMessage(errors.New("text"))))
	f.Add(b.Bytes())
	f.Add([]byte{0, 0, 0, 1, 0xa0})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = receiveMessage(bytes.NewReader(b))
		_ = receive(bytes.NewReader(b), new(Start))
	})
}
