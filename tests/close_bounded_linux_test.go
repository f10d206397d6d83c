package tests

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

func init() {
	mapped["TestClose/mapped"] = "TestClose/remote is the same"
	mapped["TestCloseBesideStoppedHolder"] = "another process that maps the memory holds the arena's lock"
}

const (
	closeTimeout = 400 * time.Millisecond // Options.Timeout
	closeSlack   = 5 * time.Second        // beyond any bound: for a busy machine
)

// churner makes and removes objects, so that it holds the arena's lock most of the time.
var churner = carom.NewWorker("churner", func(ctx context.Context, ready *carom.Value[int64]) error {
	m, err := carom.FromEnv(ctx)
	if err != nil {
		return err
	}
	carom.Add(ready, 1)
	for ctx.Err() == nil {
		v, err := carom.NewValue[int64](m, "churned")
		if err == nil {
			err = errors.Join(m.Remove(ctx, "churned"), v.Close())
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
})

// halt stops a process, and waits until all its threads have stopped.
func halt(t testing.TB, pid int) {
	t.Helper()
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	eventually(t, fmt.Sprintf("process %d stops", pid), func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		require.NoError(t, err)
		for _, thread := range threads {
			if b, err := os.ReadFile(thread); err == nil && bytesAfterCommand(b) != 'T' {
				return false
			}
		}
		return true
	})
}

// haltHolder stops a churner while it holds the lock of m's arena.
func haltHolder(t testing.TB, m *carom.Manager) *carom.Process {
	t.Helper()
	ready := carom.Must(carom.NewValue[int64](m, ""))
	w, err := churner.Start(t.Context(), m, ready)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.Kill(); _ = w.Wait() })
	eventually(t, "the churner churns", func() bool { return ready.Load() > 0 })
	for range 1000 {
		halt(t, w.PID())
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		err := m.Remove(ctx, "nothing has this name")
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return w
		}
		require.ErrorIs(t, err, carom.ErrNotFound)
		require.NoError(t, w.Signal(syscall.SIGCONT))
		for range 10 { // it runs meanwhile
			_ = m.Remove(t.Context(), "nothing has this name")
		}
	}
	t.Fatal("the churner was never stopped with the arena's lock")
	return nil
}

// bounded runs what must end within a time, and returns what it answers.
func bounded(t testing.TB, what string, most time.Duration, f func() error) error {
	t.Helper()
	begin := time.Now()
	select {
	case err := <-result(f):
		t.Logf("%s took %v, and answered %v", what, time.Since(begin).Round(time.Millisecond), err)
		return err
	case <-time.After(most + closeSlack):
		t.Errorf("%s has not ended after %v, its bound is %v", what, most+closeSlack, most)
		return nil
	}
}

// handlesOfAllKinds makes one of each.
func handlesOfAllKinds(m *carom.Manager) map[string]closer {
	v, a := carom.Must(carom.NewValue[int64](m, "value")), carom.Must(carom.NewArray[int64](m, "array", 5))
	queue, byteQueue := carom.Must(carom.NewQueue[string](m, "sure", carom.AtLeastOnce())), carom.Must(carom.NewByteQueue(m, "byte queue"))
	must(queue.TryPut("taken"))
	carom.Must(queue.TryGet())
	carom.Must(byteQueue.Reserve(context.Background(), 30_000))
	bounded := carom.Must(carom.NewBoundedSemaphore(m, "bounded semaphore", 2))
	must(bounded.TryAcquire())
	return map[string]closer{
		"Value": v, "Value's Lock": carom.Must(carom.NewValue[int64](m, "another value")).Lock(),
		"Value[struct]": carom.Must(carom.NewValue[wideValue](m, "struct")), "Array": a,
		"Queue": carom.Must(carom.NewQueue[string](m, "queue", carom.Cap(2))), "Queue with AtLeastOnce": queue, "ByteQueue": byteQueue,
		"Lock": carom.Must(carom.NewLock(m, "lock")), "RLock": carom.Must(carom.NewRLock(m, "rlock")),
		"Semaphore": carom.Must(carom.NewSemaphore(m, "semaphore", 1)), "BoundedSemaphore": bounded,
		"Condition": carom.Must(carom.NewCondition(m, "condition", nil)), "Event": carom.Must(carom.NewEvent(m, "event")),
		"Barrier": carom.Must(carom.NewBarrier(m, "barrier", 2)),
	}
}

func coordinatedHandles(m *carom.Manager) map[string]closer {
	return map[string]closer{
		"Dict": carom.Must(carom.NewDict[string, int](m, "dict")), "List": carom.Must(carom.NewList[int](m, "list")),
		"Namespace": carom.Must(carom.NewNamespace(m, "namespace")), "Ref": carom.Must(gates.New(m, "gate")),
	}
}

// closeAllBounded closes handles, side by side.
func closeAllBounded(t *testing.T, handles map[string]closer) {
	type ended struct {
		kind string
		err  error
		took time.Duration
	}
	all := make(chan ended, len(handles))
	begin := time.Now()
	for kind, h := range handles {
		go func() {
			err := h.Close()
			all <- ended{kind, err, time.Since(begin)}
		}()
	}
	open := map[string]bool{}
	for kind := range handles {
		open[kind] = true
	}
	late := time.After(closeTimeout + closeSlack)
	for range handles {
		select {
		case e := <-all:
			delete(open, e.kind)
			// Where the coordinator says nothing, that may be told.
			if e.err != nil && !errors.Is(e.err, carom.ErrUnavailable) && !errors.Is(e.err, context.DeadlineExceeded) {
				t.Errorf("Close of a %s answered %v", e.kind, e.err)
			}
		case <-late:
			var names []string
			for kind := range open {
				names = append(names, kind)
			}
			t.Errorf("Close has not ended after %v, its bound is %v: %s", closeTimeout+closeSlack, closeTimeout, strings.Join(names, ", "))
			return
		}
	}
	t.Logf("%d handles were closed after %v", len(handles), time.Since(begin).Round(time.Millisecond))
}

// TestCloseBesideStoppedCoordinator: nothing that a context or Options.Timeout bounds waits for
// longer where the coordinator has stopped. Calls that were inside a handle that was closed
// come to an end.
func TestCloseBesideStoppedCoordinator(t *testing.T) {
	for _, path := range []string{"mapped", "remote"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel() // it waits for most of its time
			p := newClosePlace(t, path == "remote", 1, closeTimeout)
			handles := coordinatedHandles(p.m)
			if p.remote {
				for kind, h := range handlesOfAllKinds(p.m) {
					handles[kind] = h
				}
			}
			list := handles["List"].(*carom.List[int])
			own := carom.Must(carom.NewList[int](p.base, "list"))
			pid := coordinatorOf(t, p.base)
			t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
			halt(t, pid)
			append1 := call(t.Context(), func(ctx context.Context) error { return list.Append(ctx, 1) })
			parked(t, append1)
			closeAllBounded(t, handles)
			soon, cancel := context.WithTimeout(t.Context(), closeTimeout)
			defer cancel()
			if err := bounded(t, "Remove", closeTimeout, func() error { return p.m.Remove(soon, "dict") }); err == nil {
				t.Error("Remove of a dict did not need the coordinator")
			}
			require.NoError(t, syscall.Kill(pid, syscall.SIGCONT))
			err := append1.end(time.Now().Add(promptly))
			if err != nil && !errors.Is(err, carom.ErrClosed) {
				t.Errorf("the list's handle was closed, and the call: %v", err)
			}
			n, lerr := own.Len(within(t))
			require.NoError(t, lerr)
			require.Equal(t, err == nil, n == 1, "Append answered %v, and there are %d items", err, n)

			halt(t, pid)
			if p.remote {
				_ = bounded(t, "Close of the remote manager", closeTimeout, p.m.Close)
			}
			soon, cancel = context.WithTimeout(t.Context(), closeTimeout)
			defer cancel()
			_ = bounded(t, "Shutdown", 2*closeTimeout, func() error { return p.base.Shutdown(soon) })
		})
	}
}

// TestCloseBesideStoppedHolder: the same where another process has stopped that holds the lock of
// the arena.
func TestCloseBesideStoppedHolder(t *testing.T) {
	for _, last := range []string{"Close", "Shutdown"} {
		t.Run(last, func(t *testing.T) {
			t.Parallel()
			p := newClosePlace(t, false, 1, closeTimeout)
			handles := handlesOfAllKinds(p.m)
			other := carom.Must(carom.NewSemaphore(p.m, "other", 1))
			w := haltHolder(t, p.m)
			closeAllBounded(t, handles)
			soon, cancel := context.WithTimeout(t.Context(), closeTimeout)
			defer cancel()
			err := bounded(t, "Remove", closeTimeout, func() error { return p.m.Remove(soon, "value") })
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NoError(t, other.TryAcquire(), "what needs no lock goes on")
			if t.Failed() {
				return
			}
			if last == "Close" { // let go of the lock: what is closed goes after all, and the permit stays held
				require.NoError(t, w.Signal(syscall.SIGCONT))
				s := carom.Must(carom.OpenBoundedSemaphore(p.m, "bounded semaphore"))
				require.Equal(t, 1, s.Value())
				sure := carom.Must(carom.OpenQueue[string](p.m, "sure"))
				item, err := sure.Get(within(t))
				require.NoError(t, err)
				require.Equal(t, "taken", item)
				require.NoError(t, w.Kill())
				_ = w.Wait()
				alone(t, p.m, 2)
				checked(t, p.m)
				haltHolder(t, p.m)
			}
			if last == "Close" {
				_ = bounded(t, "Close of the manager", 2*closeTimeout, p.m.Close)
				return
			}
			soon, cancel = context.WithTimeout(t.Context(), closeTimeout)
			defer cancel()
			_ = bounded(t, "Shutdown", 2*closeTimeout, func() error { return p.m.Shutdown(soon) })
		})
	}
}
