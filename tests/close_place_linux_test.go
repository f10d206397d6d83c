package tests

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

var (
	closeSeed = flag.Uint64("close.seed", 0, "seed of the tests of closing handles; 0: a random one")
	closeOnly = flag.String("close.only", "", "part of the names of the rows that these tests are for; empty: all")
)

// promptly is how long what Close ends may take to end. It is generous: nothing here measures
// speed, and on a healthy machine everything ends within a millisecond.
const promptly = 10 * time.Second

// A closer is any handle.
type closer interface{ Close() error }

// closePlace is where handles are closed: m makes those that the tests close, base those that
// look on. Both are of one arena, and one manager where m maps the memory.
type closePlace struct {
	testing.TB
	m, base *carom.Manager
	remote  bool
	*closeState
}

// closeState is what the tests at one place share.
type closeState struct {
	seed uint64

	mu      sync.Mutex
	rand    *rand.Rand
	last    int // number of the latest name
	filling *filling
	atEnd   func(func()) // of the tests at this place
}

// closeTests are run one after the other on both paths.
var closeTests = []struct {
	name string
	f    func(t *testing.T, p *closePlace)
}{
	{"EndsWaits", closeEndsWaits},
	{"BesideGrant", closeBesideGrant},
	{"BeforeReuse", closeBeforeReuse},
	{"BesideCalls", closeBesideCalls},
	{"InsideFunction", closeInsideFunction},
	{"InsideArrayDo", closeInsideArrayDo},
	{"BesideArrayDo", closeBesideArrayDo},
	{"GivesBuffersBack", closeGivesBuffersBack},
	{"ReturnsItems", closeReturnsItems},
	{"OwnLock", closeOwnLock},
	{"Storm", closeStorm},
}

// TestClose closes handles while calls are inside them, where the process maps the memory and
// where it uses the coordinator for everything. In the end the arena is sound, and as it was at
// first.
func TestClose(t *testing.T) {
	seed := *closeSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	for _, path := range []string{"mapped", "remote"} {
		t.Run(path, func(t *testing.T) {
			t.Logf("-close.seed=%d", seed)
			p := newClosePlace(t, path == "remote", seed, 0)
			before := p.base.Stats()
			for _, c := range closeTests {
				t.Run(c.name, func(t *testing.T) {
					here := *p
					here.TB = t
					c.f(t, &here)
				})
			}
			if !t.Failed() {
				p.settled(before)
			}
		})
	}
}

func newClosePlace(t testing.TB, remote bool, seed uint64, timeout time.Duration) *closePlace {
	key := []byte("a secret")
	base, err := carom.Start(t.Context(), &carom.Options{Memory: 128 << 20, AuthKey: key, Timeout: timeout})
	for range 10 { // a short timeout bounds Start as well
		if timeout == 0 || !errors.Is(err, carom.ErrUnavailable) {
			break
		}
		base, err = carom.Start(t.Context(), &carom.Options{Memory: 128 << 20, AuthKey: key, Timeout: timeout})
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = base.Close() })
	p := &closePlace{TB: t, m: base, base: base, remote: remote, closeState: &closeState{seed: seed, atEnd: t.Cleanup, rand: rand.New(rand.NewPCG(seed, 1))}}
	if remote {
		p.m, err = carom.Connect(t.Context(), base.Addr(), &carom.Options{AuthKey: key, Remote: true, Timeout: timeout})
		require.NoError(t, err)
		t.Cleanup(func() { _ = p.m.Close() })
	}
	return p
}

func (p *closePlace) intN(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rand.IntN(n)
}

// name is a new one.
func (p *closePlace) name() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	return fmt.Sprint("closed ", p.last)
}

// spin lets others run until a random instant.
func (p *closePlace) spin(most time.Duration) {
	for end := time.Now().Add(time.Duration(p.intN(int(most)))); time.Now().Before(end); {
		runtime.Gosched()
	}
}

// settled waits until the arena has as many bytes in use as before: what was closed may stay
// attached for about a second.
func (p *closePlace) settled(before carom.Stats) {
	p.Helper()
	var now carom.Stats
	for end := time.Now().Add(promptly); ; time.Sleep(time.Millisecond) {
		if now = p.base.Stats(); now.Used == before.Used && now.Objects == before.Objects {
			break
		}
		if time.Now().After(end) {
			p.Errorf("%d bytes in %d objects are in use, %d in %d were", now.Used, now.Objects, before.Used, before.Objects)
			break
		}
	}
	found, err := p.base.Check(p.Context())
	require.NoError(p, err)
	require.Empty(p, found)
}

// closed closes a handle and reports what is wrong with that.
func closed(h closer) error {
	select {
	case err := <-result(h.Close):
		if err != nil {
			return fmt.Errorf("Close: %w", err)
		}
		return nil
	case <-time.After(promptly):
		return errors.New("Close hangs")
	}
}

// A calling is a call in a goroutine of its own.
type calling struct {
	goroutine string // "goroutine 7 "
	got       chan error
}

func call(ctx context.Context, f func(context.Context) error) *calling {
	c := &calling{got: make(chan error, 1)}
	started := make(chan string)
	go func() {
		var b [64]byte
		head := string(b[:runtime.Stack(b[:], false)])
		head, _, _ = strings.Cut(head, "[")
		started <- head
		c.got <- f(ctx)
	}()
	c.goroutine = <-started
	return c
}

var errHangs = errors.New("hangs")

// end is what the call came to; errHangs if that takes beyond a deadline.
func (c *calling) end(deadline time.Time) error {
	select {
	case err := <-c.got:
		return err
	default:
	}
	select {
	case err := <-c.got:
		return err
	case <-time.After(time.Until(deadline)):
		return errHangs
	}
}

// waits reports that the call has not come to an end. It proves nothing else.
func (c *calling) waits() bool {
	select {
	case err := <-c.got:
		c.got <- err
		return false
	default:
		return true
	}
}

// parked waits until no call runs any more: each waits for something, or is over. It looks at
// the goroutines' states, so it holds for every kind of waiting.
func parked(t testing.TB, calls ...*calling) {
	t.Helper()
	stacks := make([]byte, 4<<20)
	quiet := 0 // looks in a row at which all slept
	for end := time.Now().Add(patience); quiet < 2; {
		text := "\n" + string(stacks[:runtime.Stack(stacks, true)])
		quiet++
		for _, c := range calls {
			if _, state, found := strings.Cut(text, "\n"+c.goroutine+"["); found &&
				(strings.HasPrefix(state, "run") || strings.HasPrefix(state, "sleep") || strings.HasPrefix(state, "preempted")) {
				quiet = 0
				break
			}
		}
		if time.Now().After(end) {
			t.Fatal("calls do not come to wait")
		}
		runtime.Gosched()
	}
}
