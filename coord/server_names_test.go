package coord

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// slowNames is a directory of which one kind of step can be held up, after it was taken
// where it has a result.
type slowNames struct {
	Names
	step    string // that is held up, once
	held    chan struct{}
	proceed chan struct{}
	used    atomic.Bool
}

func (n *slowNames) hold(step string) {
	if step == n.step && !n.used.Swap(true) {
		close(n.held)
		<-n.proceed
	}
}

func (n *slowNames) Claim(ctx context.Context, name, kind, typ string) (Entry, bool, error) {
	defer n.hold("claim")
	return n.Names.Claim(ctx, name, kind, typ)
}

func (n *slowNames) Remove(ctx context.Context, name string) (Entry, error) {
	defer n.hold("remove")
	return n.Names.Remove(ctx, name)
}

func (n *slowNames) Drop(name string, id Identity) {
	n.hold("drop")
	n.Names.Drop(name, id)
}

// While one client's step is under way, between the directory and the registry, others do
// theirs.
func TestNamesBesideOthers(t *testing.T) {
	const fresh, old = "another object", "the same object"
	opens := func(kind string, mode Mode) func(*testing.T, *Client) (Identity, error) {
		return func(t *testing.T, c *Client) (Identity, error) {
			_, id, _, err := c.OpenDetails(testContext(t), kind, "x", "", nil, mode)
			return id, err
		}
	}
	removes := func(t *testing.T, c *Client) (Identity, error) { return "", c.Remove(testContext(t), "x") }
	for _, row := range []struct {
		name   string
		step   string // that is held up
		there  bool   // whether x is, at first
		first  func(*testing.T, *Client) (Identity, error)
		failed error // of the first
		second func(*testing.T, *Client) (Identity, error)
		want   any // fresh, old, nil or an error
	}{
		{"remove, create", "remove", true, removes, nil, opens(KindDict, Create), fresh},
		{"remove, create another kind", "remove", true, removes, nil, opens(KindList, Create), fresh},
		{"remove, exclusive", "remove", true, removes, nil, opens(KindDict, Exclusive), fresh},
		{"remove, attach", "remove", true, removes, nil, opens(KindDict, Attach), errs.ErrNotFound},
		{"remove, remove", "remove", true, removes, nil, removes, errs.ErrNotFound},
		{"make, create", "claim", false, opens(KindDict, Create), nil, opens(KindDict, Create), old},
		{"make, attach", "claim", false, opens(KindDict, Exclusive), nil, opens(KindDict, Attach), old},
		{"make, exclusive", "claim", false, opens(KindDict, Create), nil, opens(KindDict, Exclusive), errs.ErrExists},
		{"make, another kind", "claim", false, opens(KindDict, Create), nil, opens(KindList, Create), errs.ErrType},
		{"make, another kind exclusively", "claim", false, opens(KindDict, Create), nil, opens(KindList, Exclusive), errs.ErrExists},
		{"make, remove", "claim", false, opens(KindDict, Create), nil, removes, nil},
		{"fail, create", "claim", false, opens("broken", Create), errBroken, opens("broken", Create), errBroken},
		{"fail, another kind", "drop", false, opens("broken", Create), errBroken, opens(KindList, Attach), errs.ErrNotFound},
		{"fail, remove", "drop", false, opens("broken", Create), errBroken, removes, errs.ErrNotFound},
		{"fail, create another kind", "drop", false, opens("broken", Create), errBroken, opens(KindList, Create), fresh},
	} {
		t.Run(row.name, func(t *testing.T) {
			names := &slowNames{Names: newDirectory(), step: row.step, held: make(chan struct{}), proceed: make(chan struct{})}
			s, path := serveTest(t, Config{Names: names, Kinds: map[string]Kind{"broken": KindFunc(broken)}})
			first, second := dialTest(t, path), dialTest(t, path)
			empty := s.Stats().Bytes
			var was Identity
			if row.there {
				_, id, _, err := second.OpenDetails(testContext(t), KindDict, "x", "", nil, Exclusive)
				require.NoError(t, err)
				was = id
			}
			type result struct {
				id  Identity
				err error
			}
			results := make(chan result, 1)
			go func() {
				id, err := row.first(t, first)
				results <- result{id, err}
			}()
			<-names.held
			seconds := make(chan result, 1)
			go func() {
				id, err := row.second(t, second)
				seconds <- result{id, err}
			}()
			require.Eventually(t, func() bool { return s.inflight.Load() == 2 || len(seconds) == 1 }, 10*time.Second, time.Millisecond)
			for range 20 { // so that the second goes as far as it can
				require.NoError(t, second.Ping(testContext(t)))
			}
			close(names.proceed)
			one, two := <-results, <-seconds
			requireFailure(t, row.failed, one.err)
			if one.id != "" {
				was = one.id
			}
			switch want := row.want.(type) {
			case error:
				requireFailure(t, want, two.err)
			default:
				require.NoError(t, two.err)
				require.Equal(t, want == fresh, two.id != was && two.id != "")
				require.Equal(t, want == old, two.id == was)
			}
			_ = first.Remove(testContext(t), "x")
			require.NoError(t, first.Close())
			require.NoError(t, second.Close())
			require.Eventually(t, func() bool { return s.Stats().Bytes == empty && s.Stats().Objects == 0 }, 10*time.Second, time.Millisecond)
			infos, err := names.List(t.Context())
			require.NoError(t, err)
			require.Empty(t, infos)
		})
	}
}

var errBroken = errors.New("out of order")

func broken(context.Context, *Session, string, string, []byte) (Object, error) { return nil, errBroken }

func requireFailure(t *testing.T, want, err error) {
	t.Helper()
	if want == errBroken { // which is not carom's: it arrives as what it says
		require.ErrorContains(t, err, want.Error())
		return
	}
	require.ErrorIs(t, err, want)
}
