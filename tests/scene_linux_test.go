package tests

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// patience is how long a test waits for what must happen, before it says that somebody
// hangs. It decides nothing else.
const patience = 20 * time.Second

// manager starts a manager with a small arena.
func manager(t testing.TB) *carom.Manager {
	t.Helper()
	m, err := carom.Start(t.Context(), &carom.Options{Memory: 256 << 20, Timeout: patience})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// pair attaches this process twice: as far as the arena is concerned, these are two
// processes.
func pair(t testing.TB) (a, b *carom.Manager) {
	t.Helper()
	key := []byte("a secret")
	a, err := carom.Start(t.Context(), &carom.Options{Memory: 64 << 20, Timeout: patience, AuthKey: key})
	require.NoError(t, err)
	t.Cleanup(func() { _ = a.Close() })
	return a, again(t, a)
}

// again attaches this process to a's arena once more. a is one of pair's.
func again(t testing.TB, a *carom.Manager) *carom.Manager {
	t.Helper()
	b, err := carom.Connect(t.Context(), a.Addr(), &carom.Options{Timeout: patience, AuthKey: []byte("a secret")})
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// within ends what waits for too long.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits for what somebody else makes true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(50 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain: " + what)
		}
	}
}

// settled waits until so many bytes are in use: what was closed stays attached for a second.
func settled(t testing.TB, m *carom.Manager, used int64) {
	t.Helper()
	eventually(t, "no bytes are left over", func() bool { return m.Stats().Used == used })
}

// checked has the arena examined.
func checked(t testing.TB, m *carom.Manager) {
	t.Helper()
	found, err := m.Check(context.Background())
	require.NoError(t, err)
	require.Empty(t, found)
}

// alone waits until all but so many processes, the coordinator among them, are gone and
// what they held is back.
func alone(t testing.TB, m *carom.Manager, processes int) {
	t.Helper()
	for end := time.Now().Add(patience); m.Stats().Processes > processes; time.Sleep(50 * time.Microsecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Logf("%s", stacks[:runtime.Stack(stacks, true)])
			for p, err := range m.Processes(context.Background()) {
				t.Log(p, err)
			}
			t.Fatalf("the dead are not swept: %+v", m.Stats())
		}
	}
}

// result runs f beside the test.
func result(f func() error) <-chan error {
	got := make(chan error, 1)
	go func() { got <- f() }()
	return got
}

// receive is the result of f, or the end of the test if it hangs.
func receive[T any](t testing.TB, got <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-got:
	case <-time.After(patience):
		t.Fatal("hangs")
	}
	return v
}

// silent fails if f's result is there. It proves nothing else.
func silent(t testing.TB, got <-chan error) {
	t.Helper()
	select {
	case err := <-got:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
}
