package served

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/namestest"
	"github.com/carom-ipc/carom/shm"
)

func TestNames(t *testing.T) {
	arena, err := shm.Create(16 << 20)
	require.NoError(t, err)
	namestest.Contract(t, Names(arena))
	wrong, err := arena.Check(t.Context(), true)
	require.NoError(t, err)
	require.Empty(t, wrong)
	require.NoError(t, arena.Close(context.Background()))
}

// sharedKinds are some kinds of both sides, with their parameters.
var sharedKinds = map[string][]byte{
	coord.KindDict: enc(nil), coord.KindNamespace: enc(nil), "event": enc([]any{}), "lock": enc([]any{false}),
}

// One namespace: a wrong kind is told by what is there and what was wanted, whichever side
// either lives on.
func TestKindsShareNames(t *testing.T) {
	s := newScene(t, coord.Limits{})
	c := s.client()
	for there := range sharedKinds {
		for kind := range sharedKinds {
			if kind == there {
				continue
			}
			name := there + ", no " + kind
			_, id, _, err := c.OpenDetails(testContext(t), there, name, "", sharedKinds[there], coord.Exclusive)
			require.NoError(t, err)
			for _, mode := range []coord.Mode{coord.Create, coord.Attach} {
				_, err = c.Open(testContext(t), kind, name, "", sharedKinds[kind], mode)
				require.ErrorIs(t, err, errs.ErrType, name)
				text := strings.ToLower(err.Error())
				require.Contains(t, text, there)
				require.Contains(t, text, kind)
			}
			_, err = c.Open(testContext(t), kind, name, "", sharedKinds[kind], coord.Exclusive)
			require.ErrorIs(t, err, errs.ErrExists, name)
			_, same, _, err := c.OpenDetails(testContext(t), there, name, "", sharedKinds[there], coord.Create)
			require.NoError(t, err)
			require.Equal(t, id, same)
			require.NoError(t, c.Remove(testContext(t), name))
			_, other, _, err := c.OpenDetails(testContext(t), kind, name, "", sharedKinds[kind], coord.Create)
			require.NoError(t, err)
			require.NotEqual(t, id, other)
			require.NoError(t, c.Remove(testContext(t), name))
			require.ErrorIs(t, c.Remove(testContext(t), name), errs.ErrNotFound)
		}
	}
}

// localUser is the User that a process is which maps the arena: it opens what lives there itself,
// and has the coordinator remove the rest.
func (s *scene) localUser(c *coord.Client) namestest.User {
	spec := map[string]shm.Spec{"event": {Kind: shm.Event, Payload: shm.EventPayload}, "lock": {Kind: shm.Lock, Payload: shm.LockPayload}}
	return namestest.User{
		Kinds: []string{"event", "lock"},
		Open: func(ctx context.Context, kind, name string, mode coord.Mode) (namestest.Opened, error) {
			want := spec[kind]
			want.Name, want.Exclusive, want.OpenOnly, want.Any = name, mode == coord.Exclusive, mode == coord.Attach, mode == coord.Attach
			o, created, err := s.local.Open(ctx, want)
			if err != nil {
				return namestest.Opened{}, err
			}
			return namestest.Opened{ID: identityOf(o.Index, o.Serial), Created: created, Close: func() { _ = o.Close(context.Background()) }}, nil
		},
		Remove: func(ctx context.Context, name string) error {
			for {
				r, _, err := s.local.Find(ctx, name)
				switch {
				case err != nil:
					return err
				case r.Kind.InCoordinator():
					return c.Remove(ctx, name)
				}
				if err = s.local.Drop(ctx, name, r.Serial); !errors.Is(err, errs.ErrNotFound) {
					return err
				}
			}
		},
	}
}

func TestNamesAreLinearizable(t *testing.T) {
	s := newScene(t, coord.Limits{})
	var users []namestest.User
	for range 4 {
		users = append(users, namestest.Client(s.client().Client, sharedKinds))
	}
	users = append(users, s.localUser(s.client().Client))
	for seed := range uint64(8) {
		namestest.Storm(t, seed, users, 200)
	}
}

// While another process keeps the arena's lock, Drop returns soon, and drops the name later.
func TestDropsWaitForTheLock(t *testing.T) {
	s := newScene(t, coord.Limits{})
	n := Names(s.host)
	var ids []coord.Identity
	for _, name := range []string{"a", "b", "c"} {
		e, made, err := n.Claim(testContext(t), name, coord.KindDict, "")
		require.NoError(t, err)
		require.True(t, made)
		ids = append(ids, e.ID)
	}
	locked, unlock := make(chan struct{}), make(chan struct{})
	opened := make(chan error, 1)
	go func() { // an object is made under the lock
		_, _, err := s.local.Open(testContext(t), shm.Spec{Name: "v", Kind: shm.Event, Payload: shm.EventPayload,
			Init: func([]byte) { close(locked); <-unlock }})
		opened <- err
	}()
	<-locked
	n.Drop("a", ids[0])
	n.Drop("b", ids[1])
	close(unlock)
	require.NoError(t, <-opened)
	n.Drop("c", ids[2])
	until(t, "the names to be dropped", func() bool {
		infos, err := n.List(testContext(t))
		require.NoError(t, err)
		return len(infos) == 1 && infos[0].Name == "v"
	})
}
