//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
	"github.com/carom-ipc/carom/examples/internal/example"
)

// server is the program, with what it prints.
type server struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
	url   string
	pids  map[int]int // by slot
}

func start(t *testing.T, args ...string) *server {
	cmd := exec.Command(example.Build(t), append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var errs strings.Builder
	cmd.Stderr = &errs
	require.NoError(t, cmd.Start())
	s := &server{t: t, cmd: cmd, lines: bufio.NewScanner(out), pids: map[int]int{}}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil || errs.Len() > 0 {
			t.Errorf("server: %v\n%s", err, &errs)
		}
	})
	line := s.next()
	addr, ok := strings.CutPrefix(line, "listening on ")
	require.True(t, ok, line)
	s.url = "http://" + addr
	return s
}

func (s *server) next() string {
	require.True(s.t, s.lines.Scan(), "the server says no more")
	return s.lines.Text()
}

// await reads until n more workers have started.
func (s *server) await(n int) {
	for n > 0 {
		var slot, pid int
		if line := s.next(); !strings.Contains(line, "went") {
			_, err := fmt.Sscanf(line, "worker %d: pid %d", &slot, &pid)
			require.NoError(s.t, err, line)
			s.pids[slot] = pid
			n--
		}
	}
}

// get makes n requests, several at a time, each on a connection of its own, and counts
// the answers by status.
func (s *server) get(n int) (ok, limited int) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var left, oks, limits atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				r, err := client.Get(s.url + "/")
				if err != nil {
					s.t.Error(err)
					return
				}
				r.Body.Close()
				switch r.StatusCode {
				case http.StatusOK:
					oks.Add(1)
				case http.StatusTooManyRequests:
					limits.Add(1)
				}
			}
		})
	}
	all.Wait()
	return int(oks.Load()), int(limits.Load())
}

func (s *server) stats() (t totals) {
	r, err := http.Get(s.url + "/stats")
	require.NoError(s.t, err)
	defer r.Body.Close()
	require.NoError(s.t, json.NewDecoder(r.Body).Decode(&t))
	return t
}

// The bucket holds 50 tokens and gets a new one after hours, so exactly 50 requests are
// served, whoever serves them and whoever dies in between.
func TestLimitHoldsForAll(t *testing.T) {
	s := start(t, "-workers", "3", "-rate", "0.0001", "-burst", "50")
	s.await(3)
	ok, limited := s.get(40)
	require.Equal(t, 40, ok)
	require.Zero(t, limited)

	victim := s.pids[1]
	require.NoError(t, syscall.Kill(victim, syscall.SIGKILL))
	s.await(1)
	require.NotEqual(t, victim, s.pids[1], "the worker was replaced")

	ok, limited = s.get(40)
	require.Equal(t, 10, ok)
	require.Equal(t, 30, limited)
	got := s.stats()
	require.EqualValues(t, 50, got.Served)
	require.EqualValues(t, 30, got.Limited)
	require.Len(t, got.BySlot, 3)
	require.EqualValues(t, 80, got.BySlot[0]+got.BySlot[1]+got.BySlot[2])
}

func TestLimiter(t *testing.T) {
	m, err := carom.Start(t.Context(), &carom.Options{Memory: 16 << 20})
	require.NoError(t, err)
	defer m.Close()
	l, err := newLimiter(m, 10, 5) // one token in 100 ms
	require.NoError(t, err)
	now := monotonic()
	take := func() (n int) {
		for l.allow(now) {
			n++
		}
		return n
	}
	require.Equal(t, 5, take(), "a full bucket")
	now += 250e6
	require.Equal(t, 2, take(), "a quarter of a second later")
	now += 3600e9
	require.Equal(t, 5, take(), "never more than a bucket")
}

func TestMain(m *testing.M) {
	carom.Init()
	m.Run()
}
