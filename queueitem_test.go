package carom

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/shm"
)

// A buffer that is new has room for whatever is copied into it under a queue's lock.
func TestItemBuffersHaveRoom(t *testing.T) {
	buf := itemBuffers.New().(*bytes.Buffer)
	require.GreaterOrEqual(t, buf.Available(), shm.MaxInline)
	before := buf.AvailableBuffer()[:1]
	buf.Write(make([]byte, shm.MaxInline))
	require.Same(t, &before[0], &buf.Bytes()[0])
}
