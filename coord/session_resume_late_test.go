package coord

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// noLane is offered and never used.
type noLane struct{ Lane }

func (noLane) Name() string { return "none" }
func (noLane) Close()       {}

// released is an object whose calls wait for the channel.
type released chan struct{}

func (released) Blocks(string) bool { return true }
func (released) Close()             {}
func (r released) Call(ctx context.Context, _ *Session, _ string, _, dst []byte) ([]byte, error) {
	select {
	case <-r:
		return AppendNull(dst), nil
	case <-ctx.Done():
		return dst, ctx.Err()
	}
}

// Replies that come while a session is being resumed, and are too many to be kept, are the
// end of the session, not of all answers.
func TestRepliesForgottenWhileResuming(t *testing.T) {
	const calls = 3
	release := make(released)
	var s *Server
	visits := 0
	cfg := Config{
		Limits: Limits{Queue: 1},
		Kinds:  map[string]Kind{"gate": KindFunc(func(context.Context, *Session, string, string, []byte) (Object, error) { return release, nil })},
		Lane: func(context.Context, string) (Lane, error) {
			if visits++; visits == 2 { // the session is the connection's, which does not get its replies yet
				out := &s.allSessions()[0].out
				out.mu.Lock()
				all := out.log.next + calls
				out.mu.Unlock()
				close(release)
				for sent := uint64(0); sent < all; runtime.Gosched() {
					out.mu.Lock()
					sent = out.log.next
					out.mu.Unlock()
				}
			}
			return nil, errors.New("there is none")
		},
	}
	var path string
	s, path = serveTest(t, cfg)
	c := dialWith(t, path, DialConfig{Silence: -1, Lane: func(context.Context) (Lane, error) { return noLane{}, nil }})
	g := open(t, c, "gate", "g")
	results := make(chan error, calls)
	for range calls {
		go func() {
			_, err := c.Call(testContext(t), g, "wait", args(), nil)
			results <- err
		}()
	}
	for s.inflight.Load() < calls {
		runtime.Gosched()
	}
	s.allSessions()[0].disconnect()
	for range calls {
		require.ErrorIs(t, <-results, ErrLost)
	}
	require.EqualValues(t, 2, c.Generation())
}
