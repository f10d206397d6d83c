package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

const testKey = "a key for tests"

// server is a carom serve at work.
type server struct {
	*exec.Cmd
	addr  string
	lines *bufio.Reader
}

// startServer starts carom serve and waits until it is ready.
func startServer(t testing.TB, key string, args ...string) *server {
	s := &server{Cmd: caromCommand(t, append([]string{"serve"}, args...)...)}
	if key != "" {
		s.Env = append(s.Env, "CAROM_AUTHKEY="+key)
	}
	s.Stderr = os.Stderr
	out, err := s.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.Start())
	t.Cleanup(func() {
		if s.ProcessState == nil {
			_, err := s.end(t, syscall.SIGTERM) // killed, it would leave its socket
			require.NoError(t, err)
		}
	})
	s.lines = bufio.NewReader(out)
	line, err := s.lines.ReadString('\n')
	require.NoError(t, err)
	addr, ok := strings.CutPrefix(line, "carom: serving ")
	require.True(t, ok, line)
	s.addr = strings.TrimSpace(addr)
	return s
}

// end sends a signal and returns what the server printed beside its first line.
func (s *server) end(t testing.TB, sig os.Signal) (rest string, err error) {
	require.NoError(t, s.Process.Signal(sig))
	for {
		line, rerr := s.lines.ReadString('\n')
		rest += line
		if rerr != nil {
			return rest, s.Wait()
		}
	}
}

func TestServeLsDoctor(t *testing.T) {
	listen := "unix://" + filepath.Join(t.TempDir(), "carom.sock")
	s := startServer(t, testKey, "-listen", listen, "-memory", "32MiB")
	require.Equal(t, listen, s.addr)
	m, err := carom.Connect(t.Context(), s.addr, &carom.Options{AuthKey: []byte(testKey)})
	require.NoError(t, err)
	defer m.Close()
	require.EqualValues(t, 32<<20, m.Stats().Budget)
	_, err = carom.NewValue[int64](m, "answer")
	require.NoError(t, err)
	_, err = carom.NewDict[string, int](m, "ages")
	require.NoError(t, err)
	_, err = carom.NewLock(m, "bell\x07\nlock")
	require.NoError(t, err)

	r := runCarom(t, testKey, "ls", s.addr)
	require.Equal(t, 0, r.code, r)
	require.Regexp(t, `(?m)^answer +Value +int64 +\S+ B +memory +1$`, r.stdout)
	require.Regexp(t, `(?m)^ages +Dict +.* coordinator +\d+$`, r.stdout)
	require.Contains(t, r.stdout, `"bell\a\nlock"`)
	require.Regexp(t, `(?m)^\d+ +coordinator +`, r.stdout)
	require.Regexp(t, `(?m)^\d+ +program +`, r.stdout)
	require.Contains(t, r.stdout, "3 objects, ")

	r = runCarom(t, testKey, "doctor", s.addr)
	require.Equal(t, 0, r.code, r)
	require.Contains(t, r.stdout, "sound: 3 objects")

	rest, err := s.end(t, syscall.SIGTERM)
	require.NoError(t, err)
	require.Empty(t, rest, "one line, and no more")
	_, err = os.Stat(strings.TrimPrefix(listen, "unix://"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestServeInterrupted(t *testing.T) {
	dir, err := os.MkdirTemp("", "run")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, runtimeDir := range []string{"", dir} {
		t.Setenv("XDG_RUNTIME_DIR", runtimeDir)
		s := startServer(t, testKey)
		if runtimeDir == "" {
			require.Regexp(t, `^unix://@`, s.addr)
		} else {
			require.FileExists(t, strings.TrimPrefix(s.addr, "unix://"))
		}
		require.Equal(t, 0, runCarom(t, testKey, "ls", s.addr).code)
		_, err = s.end(t, os.Interrupt)
		require.NoError(t, err)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left, "its socket goes with it")
	}
}

func TestServeTCP(t *testing.T) {
	s := startServer(t, testKey, "-listen", "tcp://127.0.0.1:0")
	require.Regexp(t, `^tcp://127\.0\.0\.1:\d+$`, s.addr)
	r := runCarom(t, testKey, "doctor", s.addr)
	require.Equal(t, 0, r.code, r)
	require.Contains(t, r.stdout, "sound: 0 objects")
	r = runCarom(t, testKey, "ls", s.addr)
	require.Equal(t, 0, r.code, r)
	require.Regexp(t, `(?m)^\d+ +coordinator +`, r.stdout, r)
	r = runCarom(t, testKey, "serve", "-listen", "tcp://192.0.2.1:1")
	require.Equal(t, 2, r.code, r)
	require.Contains(t, r.stderr, "loopback")
}

func TestAuthKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte(testKey+"\n"), 0o600))
	s := startServer(t, "", "-authkey-file", file)
	require.Equal(t, 0, runCarom(t, testKey, "ls", s.addr).code)
	require.Equal(t, 0, runCarom(t, "", "ls", "-authkey-file", file, s.addr).code)
	for _, command := range []string{"ls", "doctor"} {
		r := runCarom(t, "another key", command, s.addr)
		require.Equal(t, 2, r.code, r)
		require.Contains(t, r.stderr, carom.ErrAuth.Error())
		r = runCarom(t, "", command, s.addr)
		require.Equal(t, 2, r.code, r)
		require.Contains(t, r.stderr, "no auth key")
		r = runCarom(t, testKey, command, "unix:///nowhere/at.all")
		require.Equal(t, 2, r.code, r)
	}
	r := runCarom(t, "", "serve")
	require.Equal(t, 2, r.code, r)
	require.Contains(t, r.stderr, "no auth key")
	require.Empty(t, r.stdout)
	r = runCarom(t, "", "serve", "-authkey-file", file+".missing")
	require.Equal(t, 2, r.code, r)
	r = runCarom(t, testKey, "serve", "-listen", s.addr)
	require.Equal(t, 2, r.code, r)
	require.Contains(t, r.stderr, "somebody listens there")
}
