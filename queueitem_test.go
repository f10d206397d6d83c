package carom

import (
	"bytes"
	"context"
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

// hooked is a type that says when it is decoded.
type hooked struct{}

var onDecode func()

func (hooked) MarshalCBOR() ([]byte, error) { return []byte{0xf6}, nil }

func (*hooked) UnmarshalCBOR([]byte) error { onDecode(); return nil }

// A GetMany whose context ends after its first item returns what it has.
func TestGetManyEndsAfterTheFirst(t *testing.T) {
	a, err := Start(t.Context(), &Options{Memory: 16 << 20, AuthKey: []byte("a secret")})
	require.NoError(t, err)
	defer a.Close()
	b, err := Connect(t.Context(), a.Addr(), &Options{AuthKey: []byte("a secret")})
	require.NoError(t, err)
	defer b.Close()
	q := Must(NewQueue[hooked](a, "q"))
	other := Must(OpenQueue[hooked](b, "q"))
	for range 3 {
		require.NoError(t, q.Put(t.Context(), hooked{}))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	held, release, done := make(chan bool), make(chan bool), make(chan error)
	onDecode = func() { // another consumer has the queue's lock from here on
		go func() {
			slow := func([]byte) { close(held); <-release }
			_, err := shm.ItemsOf(other.h.obj).Get(t.Context(), false, slow, slow)
			done <- err
		}()
		<-held
		cancel()
	}
	n, err := q.GetMany(ctx, make([]hooked, 3))
	close(release)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, <-done)
	require.Equal(t, 1, q.Len())
}
