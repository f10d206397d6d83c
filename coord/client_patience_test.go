package coord

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// stubborn is an object whose method goes on when it was cancelled, until it may end.
type stubborn struct{ entered, cancelled, end chan struct{} }

func (s stubborn) Blocks(string) bool { return true }
func (s stubborn) Close()             {}
func (s stubborn) Call(ctx context.Context, _ *Session, _ string, _, dst []byte) ([]byte, error) {
	s.entered <- struct{}{}
	<-ctx.Done()
	s.cancelled <- struct{}{}
	<-s.end
	return AppendUint(dst, 7), nil
}

// A cancelled call that is patient learns what has become of it, however long that takes.
func TestPatientCall(t *testing.T) {
	defer func(p time.Duration) { patience = p }(patience)
	patience = time.Millisecond
	s := stubborn{make(chan struct{}), make(chan struct{}), make(chan struct{})}
	_, c := pair(t, Config{Kinds: map[string]Kind{"stubborn": KindFunc(func(context.Context, *Session, string, string, []byte) (Object, error) { return s, nil })}})
	free := sync.OnceFunc(func() { close(s.end) })
	t.Cleanup(free)
	id := open(t, c, "stubborn", "s")
	start := func(patient bool) (cancel func(), result chan error) {
		ctx, cancel := context.WithCancel(testContext(t))
		result = make(chan error, 1)
		go func() {
			_, err := c.Do(ctx, Request{Handle: id, Method: "go", Args: args(), Wait: true, Patient: patient}, nil)
			result <- err
		}()
		<-s.entered
		return cancel, result
	}
	cancel, patient := start(true)
	cancel()
	<-s.cancelled
	cancel, other := start(false)
	cancel()
	<-s.cancelled
	err := <-other
	require.ErrorIs(t, err, errs.ErrUnavailable)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, patient, "it was cancelled before the other")
	free()
	require.NoError(t, <-patient)
}
