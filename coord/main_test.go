package coord

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// commands are what this binary does instead of testing when it is started by
// a test with the variable below, which names one. Each is registered beside
// the test that uses it.
var commands = map[string]func(){}

const commandVar = "CAROM_COORD_TEST_COMMAND"

func TestMain(m *testing.M) {
	if name := os.Getenv(commandVar); name != "" {
		commands[name]()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// startCommand runs a command in a process of its own until the test ends. The
// command's standard input ends with the test too, so nothing is left behind.
// It returns when the command has said that it is ready.
func startCommand(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), commandVar+"="+name)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		io.Copy(io.Discard, out)
		cmd.Wait()
	})
	ready := make([]byte, 1)
	_, err = io.ReadFull(out, ready)
	require.NoError(t, err, "%s did not get ready", name)
	return cmd
}

// signalReady and untilOrphaned are for commands.
func signalReady()   { os.Stdout.Write([]byte{'.'}) }
func untilOrphaned() { io.Copy(io.Discard, os.Stdin) }

func init() {
	commands["serve"] = func() {
		s, err := NewServer(Config{AuthKey: testKey})
		if err != nil {
			panic(err)
		}
		l, err := net.Listen("unix", os.Args[1])
		if err != nil {
			panic(err)
		}
		go s.Serve(l)
		signalReady()
		untilOrphaned()
	}
}

var testKey = []byte("a key for tests")

// testContext ends long before the test binary gives up.
func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// serveTest runs a server in this process and returns its address.
func serveTest(t testing.TB, cfg Config) (*Server, string) {
	t.Helper()
	if cfg.AuthKey == nil {
		cfg.AuthKey = testKey
	}
	s, err := NewServer(cfg)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.NoError(t, <-served)
	})
	return s, path
}

func dialTest(t testing.TB, path string) *Client {
	t.Helper()
	return dialWith(t, path, DialConfig{})
}

func dialWith(t testing.TB, path string, cfg DialConfig) *Client {
	t.Helper()
	cfg.AuthKey = testKey
	c, err := Dial(testContext(t), "unix", path, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// pair is a server with one client.
func pair(t testing.TB, cfg Config) (*Server, *Client) {
	t.Helper()
	s, path := serveTest(t, cfg)
	return s, dialTest(t, path)
}

func open(t testing.TB, c *Client, kind, name string) uint64 {
	t.Helper()
	id, err := c.Open(testContext(t), kind, name, "", nil, Create)
	require.NoError(t, err)
	return id
}

// enc writes a CBOR item in the few forms that tests need.
func enc(v any) []byte {
	switch v := v.(type) {
	case nil:
		return AppendNull(nil)
	case int:
		return AppendInt(nil, int64(v))
	case uint64:
		return AppendUint(nil, v)
	case float64:
		return AppendFloat(nil, v)
	case bool:
		return AppendBool(nil, v)
	case string:
		return AppendText(nil, v)
	case []byte:
		return AppendBytes(nil, v)
	case []any:
		b := AppendArray(nil, len(v))
		for _, e := range v {
			b = append(b, enc(e)...)
		}
		return b
	}
	panic(v)
}

func args(v ...any) []byte { return enc(append([]any{}, v...)) }

// invoke makes a request that must succeed and returns what diag makes of its
// result.
func invoke(t testing.TB, c *Client, id uint64, method string, a ...any) string {
	t.Helper()
	out, err := c.Call(testContext(t), id, method, args(a...), nil)
	require.NoError(t, err, method)
	return diag(NewReader(out))
}

// diag shows an item in CBOR's diagnostic notation.
func diag(r *Reader) string {
	if r.err != nil || len(r.rest) == 0 {
		return "!"
	}
	switch b := r.rest[0]; b & 0xe0 {
	case majorUint, majorInt:
		item := r.Raw()
		if v := (&Reader{rest: item}); b&0xe0 == majorInt {
			return itoa(v.Int())
		}
		return utoa(NewReader(item).Uint())
	case majorText:
		return `"` + r.Text() + `"`
	case majorBytes:
		return "'" + string(r.Bytes()) + "'"
	case majorArray:
		parts := make([]string, r.Array())
		for i := range parts {
			parts[i] = diag(r)
		}
		return "[" + strings.Join(parts, " ") + "]"
	case majorMap:
		h, _ := readHead(r.rest)
		r.rest = r.rest[h.size:]
		parts := make([]string, h.arg)
		for i := range parts {
			parts[i] = diag(r) + ":" + diag(r)
		}
		return "{" + strings.Join(parts, " ") + "}"
	}
	switch item := r.Raw(); item[0] {
	case cborNull:
		return "null"
	case cborTrue:
		return "true"
	case cborFalse:
		return "false"
	default:
		v, _ := float(item)
		return ftoa(v)
	}
}
