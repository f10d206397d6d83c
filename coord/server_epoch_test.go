package coord

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEpoch(t *testing.T) {
	_, set := pair(t, Config{Epoch: 77})
	require.EqualValues(t, 77, set.Epoch())
	_, a := pair(t, Config{})
	_, b := pair(t, Config{})
	require.NotZero(t, a.Epoch())
	require.NotEqual(t, a.Epoch(), b.Epoch(), "random")
}

// Every opening of an object has its identity, in whichever session.
func TestIdentities(t *testing.T) {
	_, path := serveTest(t, Config{})
	a, b := dialTest(t, path), dialTest(t, path)
	identity := func(c *Client, kind, name string) Identity {
		_, id, _, err := c.OpenDetails(testContext(t), kind, name, "", nil, Create)
		require.NoError(t, err)
		return id
	}
	d, l := identity(a, KindDict, "d"), identity(a, KindList, "l")
	require.NotEqual(t, d, l)
	require.Equal(t, d, identity(b, KindDict, "d"))
	for info, err := range b.Objects(testContext(t)) {
		require.NoError(t, err)
		require.Equal(t, map[string]Identity{"d": d, "l": l}[info.Name], info.ID)
	}
	require.NoError(t, b.Remove(testContext(t), "d"))
	require.NotEqual(t, d, identity(b, KindDict, "d"))
}
