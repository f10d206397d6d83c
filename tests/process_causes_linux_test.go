package tests

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

type recorded struct {
	Ready *carom.Semaphore
	File  string // gets the cause
	Above string // gets that of a worker between this one and the program; empty for none
}

func (r recorded) record(ctx context.Context, file string) error {
	<-ctx.Done()
	cause := context.Cause(ctx)
	text := fmt.Sprintf("%v; closed %t, canceled %t", cause, errors.Is(cause, carom.ErrClosed), errors.Is(cause, context.Canceled))
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

var recording = carom.NewWorker("recording", func(ctx context.Context, r recorded) error {
	_ = r.Ready.Release() // the answer may go down with the coordinator
	return r.record(ctx, r.File)
})

// above starts a recording worker, whose parent it is, with a context that does not end.
var above = carom.NewWorker("above", func(ctx context.Context, r recorded) error {
	m, err := carom.FromEnv(ctx)
	if err != nil {
		return err
	}
	if _, err := recording.Start(context.Background(), m, r); err != nil {
		return err
	}
	return r.record(ctx, r.Above)
})

func init() {
	programs["causing"] = func(ctx context.Context) error {
		m, err := carom.Start(ctx, &carom.Options{Memory: 64 << 20})
		if err != nil {
			return err
		}
		r := recorded{carom.Must(carom.NewSemaphore(m, "ready", 0)), os.Getenv("CAROM_TEST_FILE"), os.Getenv("CAROM_TEST_FILE") + ".above"}
		if _, err := recording.Start(ctx, m, r); err != nil {
			return err
		}
		if err := r.Ready.Acquire(ctx); err != nil {
			return err
		}
		fmt.Println("ready")
		heard()
		if os.Getenv("CAROM_TEST_HOW") == "closed" { // and gone at once
			_ = m.Close()
		}
		os.Exit(0)
		return nil
	}
}

// TestCauses: why a worker's context ended is the truth, and can be told apart.
func TestCauses(t *testing.T) {
	why := errors.New("enough of it")
	for name, c := range map[string]struct {
		nested bool
		end    func(t *testing.T, m *carom.Manager, cancel context.CancelCauseFunc, p *carom.Process)
		want   string
	}{
		"Close": {false, func(t *testing.T, m *carom.Manager, _ context.CancelCauseFunc, _ *carom.Process) {
			require.NoError(t, m.Close())
		}, "the manager was closed; closed true, canceled true"},
		"Shutdown": {false, func(t *testing.T, m *carom.Manager, _ context.CancelCauseFunc, _ *carom.Process) {
			require.NoError(t, m.Shutdown(within(t)))
		}, "the manager was closed; closed true, canceled true"},
		"context": {false, func(_ *testing.T, _ *carom.Manager, cancel context.CancelCauseFunc, _ *carom.Process) {
			cancel(why)
		}, "its context ended: enough of it; closed false, canceled true"},
		"SIGTERM": {false, func(t *testing.T, _ *carom.Manager, _ context.CancelCauseFunc, p *carom.Process) {
			require.NoError(t, p.Signal(syscall.SIGTERM))
		}, "terminated (SIGTERM); closed false, canceled true"},
		"nested, Close": {true, func(t *testing.T, m *carom.Manager, _ context.CancelCauseFunc, _ *carom.Process) {
			require.NoError(t, m.Close())
		}, "the manager was closed; closed true, canceled true"},
		"nested, parent killed": {true, func(t *testing.T, _ *carom.Manager, _ context.CancelCauseFunc, p *carom.Process) {
			require.NoError(t, p.Kill())
		}, "the process that started this worker is gone; closed false, canceled true"},
	} {
		for _, remote := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, remote %t", name, remote), func(t *testing.T) {
				m, err := carom.Start(t.Context(), &carom.Options{Memory: 64 << 20, Remote: remote})
				require.NoError(t, err)
				t.Cleanup(func() { _ = m.Close() })
				dir := t.TempDir()
				r := recorded{carom.Must(carom.NewSemaphore(m, "ready", 0)), filepath.Join(dir, "cause"), filepath.Join(dir, "above")}
				ctx, cancel := context.WithCancelCause(t.Context())
				w := recording
				if c.nested {
					w = above
				}
				p, err := w.Start(ctx, m, r)
				require.NoError(t, err)
				require.NoError(t, r.Ready.Acquire(within(t)))
				c.end(t, m, cancel, p)
				require.Equal(t, c.want, cause(t, r.File))
				if !c.nested {
					require.NoError(t, p.Wait(), "it returned nil")
				}
				cancel(nil)
				_ = p.Wait()
			})
		}
	}
}

func cause(t testing.TB, file string) (text string) {
	t.Helper()
	eventually(t, "a cause", func() bool {
		b, err := os.ReadFile(file)
		text = string(b)
		return err == nil
	})
	return text
}

// TestCausesWithoutParent: as above, where the program itself goes.
func TestCausesWithoutParent(t *testing.T) {
	for how, want := range map[string]string{
		"killed": "the process that started this worker is gone; closed false, canceled true",
		"exited": "the process that started this worker is gone; closed false, canceled true",
		"closed": "the manager was closed; closed true, canceled true",
	} {
		for _, remote := range []string{"0", "1"} {
			t.Run(how+", remote "+remote, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "cause")
				p := started(t, "causing", "", "CAROM_TEST_FILE="+file, "CAROM_TEST_HOW="+how, "CAROM_REMOTE="+remote)
				require.Equal(t, "ready", p.line(t))
				if how == "killed" {
					require.NoError(t, p.Process.Kill())
				} else {
					p.goOn(t)
				}
				require.Equal(t, want, cause(t, file))
			})
		}
	}
}

// TestWaitSaysTheCause: of a worker that returns its context's error, or does not return.
func TestWaitSaysTheCause(t *testing.T) {
	m := manager(t)
	ready := carom.Must(carom.NewValue[int](m, "ready"))
	why := errors.New("enough of it")
	for _, w := range []*carom.Worker[*carom.Value[int]]{idle, stubborn} {
		ready.Store(0)
		ctx, cancel := context.WithCancelCause(t.Context())
		p, err := w.Start(ctx, m, ready)
		require.NoError(t, err)
		eventually(t, "it waits", func() bool { return ready.Load() == 1 })
		cancel(why)
		require.Equal(t, why, p.Wait())
	}
	ready.Store(0)
	var ps []*carom.Process
	for _, w := range []*carom.Worker[*carom.Value[int]]{idle, stubborn} {
		p, err := w.Start(t.Context(), m, ready)
		require.NoError(t, err)
		ps = append(ps, p)
	}
	eventually(t, "they wait", func() bool { return ready.Load() == 2 })
	require.NoError(t, m.Close())
	for _, p := range ps {
		err := p.Wait()
		require.ErrorIs(t, err, carom.ErrClosed)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "the manager was closed")
	}
	require.ErrorContains(t, ps[1].Wait(), "did not return within 500ms")
}

// TestContextEndsWhileStarting: Start returns the context's error, and nothing goes on.
func TestContextEndsWhileStarting(t *testing.T) {
	m := manager(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	_, err := measured.Start(ctx, m, nil)
	require.Equal(t, context.DeadlineExceeded, err)
	alone(t, m, 2)
}
