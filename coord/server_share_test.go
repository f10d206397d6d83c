package coord

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// What a session adopted can be shared under its name, as long as it is that object's.
func TestShareIsOfOneObject(t *testing.T) {
	sessions := make(chan *Session, 2)
	node := KindFunc(func(ctx context.Context, s *Session, name, typ string, params []byte) (Object, error) {
		return newList(ctx, s, name, typ, params)
	})
	s, path := serveTest(t, Config{OnSession: func(sess *Session) { sessions <- sess }, Kinds: map[string]Kind{"node": node}})
	c := dialTest(t, path)
	mine := <-sessions
	dialTest(t, path)
	others := <-sessions

	obj, err := newList(t.Context(), mine, "", "", nil)
	require.NoError(t, err)
	is := func(o Object) bool { return o == obj }
	name, handle, err := mine.Adopt("node", "", obj)
	require.NoError(t, err)
	shared, err := others.Share("node", name, is)
	require.NoError(t, err)
	require.NotEqual(t, handle, shared, "each opening has a handle of its own")
	_, err = others.Share(KindDict, name, is)
	require.ErrorIs(t, err, errs.ErrNotFound)

	require.NoError(t, c.Remove(testContext(t), name))
	_, err = others.Share("node", name, is)
	require.ErrorIs(t, err, errs.ErrNotFound)
	again, err := c.Open(testContext(t), "node", name, "", nil, Exclusive)
	require.NoError(t, err)
	require.NotEqual(t, handle, again)
	_, err = others.Share("node", name, is)
	require.ErrorIs(t, err, errs.ErrNotFound, "another object has the name")
	require.NoError(t, c.Remove(testContext(t), name))
	require.NoError(t, c.Release(testContext(t), again))

	// One that nobody has open any more is gone, and its name with it.
	obj, err = newList(t.Context(), mine, "", "", nil)
	require.NoError(t, err)
	name, handle, err = mine.Adopt("node", "", obj)
	require.NoError(t, err)
	require.NoError(t, c.Release(testContext(t), handle))
	_, err = c.Open(testContext(t), "node", name, "", nil, Attach)
	require.ErrorIs(t, err, errs.ErrNotFound)
	require.Eventually(t, func() bool { return s.Stats().Objects == 0 }, 10*time.Second, time.Millisecond)
}
