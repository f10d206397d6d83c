package coord

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// increments is a short conversation: n additions, each of which must happen
// once, and be answered.
func increments(t *testing.T, addr, name string, n int) (c *Client, ok bool) {
	t.Helper()
	c, err := Dial(testContext(t), "unix", addr, DialConfig{AuthKey: testKey})
	if err != nil { // the first handshake was cut, and is not repeated
		require.ErrorIs(t, err, errs.ErrUnavailable)
		return nil, false
	}
	d, err := c.Open(testContext(t), KindDict, name, "", nil, Create)
	require.NoError(t, err)
	for i := range n {
		require.Equal(t, fmt.Sprint(i+1), invoke(t, c, d, "add", "k", 1, "int"))
	}
	return c, true
}

// A connection is cut after each of its bytes, in either direction, and the
// one that resumes it too.
func TestCutAnywhere(t *testing.T) {
	_, path := serveTest(t, Config{})
	whole := startProxy(t, path, faultless())
	c, _ := increments(t, whole.addr(), "whole", 4)
	require.NoError(t, c.Close())
	up, down := int(whole.up.Load()), int(whole.down.Load())

	count := 0
	run := func(what string, at int, faults ...fault) {
		count++
		p := startProxy(t, path, faultless(faults...))
		c, ok := increments(t, p.addr(), fmt.Sprint("d", count), 4)
		if ok {
			require.EqualValues(t, 1, c.Generation(), "%s at %d", what, at)
			require.NoError(t, c.Close())
		}
		p.close()
	}
	for n := range up {
		run("up", n, fault{up: cutAfter(n)})
	}
	for n := range down {
		run("down", n, fault{down: cutAfter(n)})
	}
	const part = 3
	for n := range up { // the resuming handshake is about as long as the first
		run("up again", n, fault{up: cutAfter(up - part)}, fault{up: cutAfter(n)})
		run("up, then down", n, fault{up: cutAfter(up - part)}, fault{down: cutAfter(n)})
	}
	for n := range up {
		run("down, then up", n, fault{down: cutAfter(down - part)}, fault{up: cutAfter(n)})
		run("down again", n, fault{down: cutAfter(down - part)}, fault{down: cutAfter(n)})
	}
}
