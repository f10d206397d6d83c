package coord

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/naming"
)

// claimed is a directory in which others have taken names, and the names in it.
func claimed(t *testing.T, kinds map[string]string) (d *directory, names func() string) {
	d = newDirectory()
	for name, kind := range kinds {
		_, made, err := d.Claim(t.Context(), name, kind, "")
		require.NoError(t, err)
		require.True(t, made)
	}
	return d, func() string {
		infos, err := d.List(t.Context())
		require.NoError(t, err)
		taken := map[string]string{}
		for _, i := range infos {
			taken[i.Name] = i.Kind
		}
		return fmt.Sprint(taken)
	}
}

func TestNamesAreShared(t *testing.T) {
	dir, names := claimed(t, map[string]string{"lock": "lock"})
	broken := KindFunc(func(context.Context, *Session, string, string, []byte) (Object, error) {
		return nil, errors.New("broken")
	})
	panics := KindFunc(func(context.Context, *Session, string, string, []byte) (Object, error) { panic("on purpose") })
	s, c := pair(t, Config{Names: dir, Kinds: map[string]Kind{"broken": broken, "panics": panics}})
	before := s.Stats().Bytes
	ctx := testContext(t)
	_, err := c.Open(ctx, KindDict, "lock", "", nil, Create)
	require.ErrorIs(t, err, errs.ErrType)
	require.ErrorContains(t, err, `"lock" is a lock, not a dict`)
	for _, kind := range []string{"broken", "panics"} {
		var remote *errs.RemoteError
		_, err = c.Open(ctx, kind, "x", "", nil, Create)
		require.ErrorAs(t, err, &remote)
	}
	require.Equal(t, "map[lock:lock]", names())
	require.Equal(t, before, s.Stats().Bytes)
	open(t, c, KindDict, "x")
	require.Equal(t, "map[lock:lock x:dict]", names())
	require.NoError(t, c.Remove(ctx, "x"))
	require.Equal(t, "map[lock:lock]", names())
}

func TestModes(t *testing.T) {
	_, c := pair(t, Config{})
	ctx := testContext(t)
	_, err := c.Open(ctx, KindDict, "d", "", nil, Attach)
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, id, _, err := c.OpenDetails(ctx, KindDict, "d", "dict[int]int", nil, Exclusive)
	require.NoError(t, err)
	_, err = c.Open(ctx, KindDict, "d", "dict[int]int", nil, Exclusive)
	require.ErrorIs(t, err, errs.ErrExists)
	for _, typ := range []string{"dict[int]int", ""} {
		_, same, _, err := c.OpenDetails(ctx, KindDict, "d", typ, nil, Attach)
		require.NoError(t, err)
		require.Equal(t, id, same)
	}
	_, err = c.Open(ctx, KindDict, "d", "dict[int]bool", nil, Create)
	require.ErrorIs(t, err, errs.ErrType)
	_, err = c.Open(ctx, KindList, "d", "", nil, Attach)
	require.ErrorIs(t, err, errs.ErrType)
	_, err = c.Open(ctx, KindDict, "d", "", nil, 9)
	require.ErrorIs(t, err, errs.ErrType)
	_, err = c.Open(ctx, "counter", "c", "", nil, Create)
	require.ErrorIs(t, err, errs.ErrNotFound)
	_, err = c.Open(ctx, KindDict, "", "", nil, Create)
	require.ErrorIs(t, err, errs.ErrName)
	_, err = c.Open(ctx, KindDict, "\xff", "", nil, Create)
	require.ErrorIs(t, err, errs.ErrName)
	_, err = c.Open(ctx, KindDict, strings.Repeat("x", naming.Max+1), "", nil, Create)
	require.ErrorIs(t, err, errs.ErrTooLarge)
}

// slowKind is a kind whose New may wait.
type slowKind struct {
	made    atomic.Int32
	proceed chan struct{}
}

func (k *slowKind) New(ctx context.Context, sess *Session, name, typ string, params []byte) (Object, error) {
	k.made.Add(1)
	<-k.proceed
	return newList(ctx, sess, name, typ, params)
}

// Whoever opens a name while somebody makes the object gets that one.
func TestOpenTogether(t *testing.T) {
	k := &slowKind{proceed: make(chan struct{})}
	_, path := serveTest(t, Config{Kinds: map[string]Kind{"slow": k}})
	const n = 8
	ids := make(chan Identity, n)
	for range n {
		c := dialTest(t, path)
		go func() {
			_, id, _, err := c.OpenDetails(testContext(t), "slow", "s", "", nil, Create)
			if err != nil {
				t.Error(err)
			}
			ids <- id
		}()
		require.NoError(t, c.Ping(testContext(t)), "making an object blocks nobody")
	}
	close(k.proceed)
	first := <-ids
	for range n - 1 {
		require.Equal(t, first, <-ids)
	}
	require.Equal(t, int32(1), k.made.Load())
}

func TestSessionsEndTheirReferences(t *testing.T) {
	g := newGate()
	ended := make(chan struct{})
	s, path := serveTest(t, Config{
		Kinds:        g.kind(),
		OnSession:    func(sess *Session) { sess.OnEnd(func() { close(ended) }) },
		OnSessionEnd: func(sess *Session) { sess.OnEnd(func() {}) },
	})
	c := dialTest(t, path)
	open(t, c, "gate", "g")
	require.NoError(t, s.Remove(context.Background(), "g"))
	require.False(t, g.closed.Load(), "somebody has it open")
	require.NoError(t, c.Close())
	<-ended
	require.NoError(t, s.Close())
	require.True(t, g.closed.Load())
	require.Zero(t, s.Stats().Bytes)
	require.Zero(t, s.Stats().Sessions)
}
