package spawn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
)

func TestFrames(t *testing.T) {
	var b bytes.Buffer
	start := Start{Name: "n", Args: []byte{0xf6}, Addr: "unix:///s", Key: []byte("key"), Codec: "json", Limits: coord.Limits{Frame: 1 << 20},
		Starter: 7, Timeout: time.Second, NoLane: true, Remote: true, Arena: []byte("0123456789abcdef")}
	said := errorMessage(kindResult, fmt.Errorf("the queue: %w", errs.ErrFull))
	require.NoError(t, send(&b, start))
	require.NoError(t, send(&b, said))

	var got Start
	require.NoError(t, receive(&b, &got))
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
}

// FuzzMessage reads messages from anywhere: bytes that are none are an error.
func FuzzMessage(f *testing.F) {
	var b bytes.Buffer
	require.NoError(f, send(&b, errorMessage(kindError, errors.New("text"))))
	f.Add(b.Bytes())
	f.Add([]byte{0, 0, 0, 1, 0xa0})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = receiveMessage(bytes.NewReader(b))
		_ = receive(bytes.NewReader(b), new(Start))
	})
}
