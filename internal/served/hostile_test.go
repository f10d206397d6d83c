package served

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
)

// An argument of each type, and what is none.
const (
	u    = uint64(1)
	text = "int32"
)

var (
	word  = []byte{1, 2, 3, 4}
	wrong = []any{-1, 1.5, "text", []byte("bytes"), true, nil, []any{}}
)

// hostileScenes are an object of each kind, and arguments that its methods take.
var hostileScenes = []struct {
	kind, typ string
	params    []any
	methods   map[string][]any
}{
	{"value", "int32", []any{4, nil}, map[string][]any{
		"load": {}, "store": {word}, "swap": {word}, "cas": {word, word}, "add": {word, text},
		"lock": {}, "trylock": {}, "recover": {}, "unlock": {}, "fence": {}}},
	{"array", "int32", []any{5, 4, nil}, map[string][]any{
		"load": {u}, "store": {u, word}, "add": {u, word, text}, "read": {u, u}, "write": {u, word},
		"lock": {}, "trylock": {}, "recover": {}, "unlock": {}, "fence": {}}},
	{"queue", "int32", []any{5, true}, map[string][]any{
		"put": {word}, "tryput": {word}, "putmany": {word, word}, "get": {}, "tryget": {}, "getmany": {u},
		"taskdone": {}, "join": {}, "len": {}, "closewrite": {}}},
	{"bytequeue", "", []any{5}, map[string][]any{
		"put": {word}, "tryput": {word}, "get": {}, "tryget": {}, "len": {}, "reserve": {u}, "closewrite": {}}},
	{"lock", "", []any{false}, map[string][]any{"lock": {}, "trylock": {}, "recover": {}, "unlock": {}, "fence": {}}},
	{"rlock", "", []any{false}, map[string][]any{"lock": {}, "trylock": {}, "recover": {}, "unlock": {u}, "fence": {}, "holder": {}}},
	{"semaphore", "", []any{5, true}, map[string][]any{"acquire": {}, "tryacquire": {}, "release": {u}, "value": {}}},
	{"boundedsemaphore", "", []any{5}, map[string][]any{"acquire": {}, "tryacquire": {}, "release": {u}, "value": {}}},
	{"condition", "", []any{nil}, map[string][]any{"wait": {}, "notify": {u},
		"lock": {}, "trylock": {}, "recover": {}, "unlock": {}, "fence": {}}},
	{"event", "", []any{}, map[string][]any{"set": {}, "clear": {}, "isset": {}, "wait": {}}},
	{"barrier", "", []any{2}, map[string][]any{"wait": {u, true}, "done": {u, true}, "reset": {}, "abort": {}, "recover": {}, "waiting": {}, "broken": {}}},
	{"arena", "", nil, map[string][]any{"processes": {}, "check": {}, "stats": {}}},
}

// with replaces an argument.
func with(args []any, i int, v any) []any {
	args = append([]any{}, args...)
	args[i] = v
	return args
}

func sameType(a, b any) bool {
	switch a.(type) {
	case uint64:
		_, ok := b.(uint64)
		return ok
	case []byte:
		_, ok := b.([]byte)
		return ok
	case bool:
		_, ok := b.(bool)
		return ok
	case string:
		_, ok := b.(string)
		return ok
	}
	return false
}

func TestArgumentsOfTheWrongType(t *testing.T) {
	s := newScene(t, coord.Limits{})
	c := s.client()
	for _, scene := range hostileScenes {
		mode := coord.Create
		if scene.kind == "arena" {
			mode = coord.Attach
		}
		o, _, err := c.tryOpen(mode, scene.kind, scene.kind, scene.typ, scene.params...)
		require.NoError(t, err, scene.kind)
		for method, args := range scene.methods {
			about := scene.kind + "." + method
			for n := range args {
				if method == "putmany" {
					break // has as many as it likes
				}
				_, err := o.call(testContext(t), method, args[:n]...)
				require.ErrorIs(t, err, errs.ErrType, "%s with %d arguments", about, n)
			}
			for i, arg := range args {
				for _, v := range wrong {
					if sameType(arg, v) && about != "value.add" {
						continue
					}
					_, err := o.call(testContext(t), method, with(args, i, v)...)
					require.ErrorIs(t, err, errs.ErrType, "%s with %v for argument %d", about, v, i)
				}
			}
			for _, raw := range [][]byte{{0xa0}, {0x60}, {0xf6}, {0x01}} { // no array: the connection's business
				_, err := c.Call(testContext(t), o.handle, method, raw, nil)
				require.Error(t, err)
				c = s.client()
				o, _, err = c.tryOpen(coord.Attach, scene.kind, scene.kind, "")
				require.NoError(t, err)
			}
		}
		_, err = o.call(testContext(t), "no such method")
		require.ErrorIs(t, err, errs.ErrNotFound)
		_, err = o.call(testContext(t), "")
		require.ErrorIs(t, err, errs.ErrNotFound)
	}
}

func TestArgumentsBeyondReason(t *testing.T) {
	s := newScene(t, coord.Limits{Frame: 1 << 20})
	c := s.client()
	for _, scene := range hostileScenes {
		if scene.kind == "arena" {
			continue
		}
		o := c.create(scene.kind, scene.kind, scene.typ, scene.params...)
		for method, args := range scene.methods {
			for i, arg := range args {
				var values []any
				switch arg.(type) {
				case uint64:
					values = []any{uint64(0), uint64(5), uint64(1 << 20), uint64(1 << 31), uint64(1 << 40), uint64(math.MaxInt64), uint64(1 << 63), uint64(math.MaxUint64)}
				case []byte:
					values = []any{[]byte{}, make([]byte, 3), make([]byte, 5), make([]byte, 1<<19)}
				case string:
					values = []any{"", "int64", "bool", "any", strings.Repeat("[1]", 1<<10) + "int32"}
				}
				for _, v := range values {
					ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond) // some of it is valid, and waits
					_, err := o.call(ctx, method, with(args, i, v)...)
					cancel()
					var remote *errs.RemoteError
					require.False(t, errors.As(err, &remote), "%s.%s with %v: %v", scene.kind, method, v, err)
				}
			}
		}
		_, err := o.call(testContext(t), "no such method")
		require.ErrorIs(t, err, errs.ErrNotFound, scene.kind)
	}
}

func TestParametersBeyondReason(t *testing.T) {
	s := newScene(t, coord.Limits{})
	c := s.client()
	c.create("lock", "there is a lock", "", false)
	before := s.host.Stats()
	huge, long := uint64(math.MaxUint64), strings.Repeat("x", maxTypeText+1)
	deep := strings.Repeat("[1]", maxTypeDepth) + "int8"
	for _, bad := range []struct {
		want      error
		kind, typ string
		params    any
	}{
		{errs.ErrType, "value", "", []any{4, nil}},
		{errs.ErrType, "value", "int32", []any{5, nil}},
		{errs.ErrType, "value", "int32", []any{huge, nil}},
		{errs.ErrType, "value", "int32", []any{-4, nil}},
		{errs.ErrType, "value", "int32", []any{4}},
		{errs.ErrType, "value", "int32", []any{4, 1}},
		{errs.ErrType, "value", "int32", []any{4, make([]byte, 3)}},
		{errs.ErrType, "value", "int32", nil},
		{errs.ErrType, "value", "int32", "text"},
		{errs.ErrType, "value", "map[string]int32", []any{4, nil}},
		{errs.ErrType, "value", "[4611686018427387905]int32", []any{4, nil}},
		{errs.ErrType, "value", deep, []any{1, nil}},
		{errs.ErrTooLarge, "value", "[1073741824]int32", []any{4 << 30, nil}},
		{errs.ErrTooLarge, "value", long, []any{4, nil}},
		{errs.ErrType, "value", "\xff", []any{4, nil}},
		{errs.ErrType, "array", "int32", []any{1, 8, nil}},
		{errs.ErrType, "array", "int32", []any{-1, 4, nil}},
		{errs.ErrType, "array", "int32", []any{1, 4, make([]byte, 8)}},
		{errs.ErrType, "array", "int32", []any{2, 4, make([]byte, 5)}},
		{errs.ErrTooLarge, "array", "int32", []any{huge, 4, nil}},
		{errs.ErrTooLarge, "array", "int32", []any{uint64(1 << 62), 4, nil}},
		{errs.ErrTooLarge, "array", "struct{}0", []any{huge, 0, nil}},
		{errs.ErrTooLarge, "array", "int32", []any{64 << 20, 4, nil}},
		{errs.ErrType, "queue", "any", []any{huge, false}},
		{errs.ErrType, "queue", "any", []any{-1, false}},
		{errs.ErrType, "queue", "any", []any{1}},
		{errs.ErrType, "queue", "any", []any{1, 1}},
		{errs.ErrTooLarge, "queue", long, []any{1, true}},
		{errs.ErrType, "bytequeue", "any", []any{1}},
		{errs.ErrType, "bytequeue", "", []any{huge}},
		{errs.ErrType, "bytequeue", "", []any{}},
		{errs.ErrType, "lock", "int32", []any{false}},
		{errs.ErrType, "lock", "", []any{0}},
		{errs.ErrType, "lock", "", []any{}},
		{errs.ErrType, "rlock", "", nil},
		{errs.ErrType, "rlock", "int32", []any{false}},
		{errs.ErrType, "semaphore", "", []any{1 << 31, false}},
		{errs.ErrType, "semaphore", "", []any{huge, true}},
		{errs.ErrType, "semaphore", "", []any{1}},
		{errs.ErrType, "semaphore", "int32", []any{1, true}},
		{errs.ErrType, "boundedsemaphore", "", []any{-1}},
		{errs.ErrType, "boundedsemaphore", "", []any{}},
		{errs.ErrType, "condition", "", []any{}},
		{errs.ErrType, "condition", "", []any{1}},
		{errs.ErrType, "condition", "int32", []any{nil}},
		{errs.ErrNotFound, "condition", "", []any{""}},
		{errs.ErrNotFound, "condition", "", []any{"no lock"}},
		{errs.ErrTooLarge, "condition", "", []any{long}},
		{errs.ErrType, "condition", "", []any{"a lock", 1}},
		{errs.ErrType, "event", "", "text"},
		{errs.ErrType, "event", "int32", []any{}},
		{errs.ErrType, "barrier", "", []any{0}},
		{errs.ErrType, "barrier", "", []any{maxParties + 1}},
		{errs.ErrType, "barrier", "", []any{huge}},
		{errs.ErrType, "barrier", "", []any{}},
		{errs.ErrType, "barrier", "int32", []any{2}},
		{errs.ErrNotFound, "arena", "", []any{}},
		{errs.ErrType, "lock", "", map[string]bool{}}, // a map
	} {
		for _, mode := range []coord.Mode{coord.Create, coord.Exclusive} {
			params := []byte{0xa0}
			if _, isMap := bad.params.(map[string]bool); !isMap {
				params = enc(bad.params)
			}
			_, err := c.Open(testContext(t), bad.kind, "name", bad.typ, params, mode)
			require.ErrorIs(t, err, bad.want, "%s of %.40q with %v", bad.kind, bad.typ, bad.params)
		}
	}
	for _, scene := range hostileScenes {
		_, _, err := c.tryOpen(coord.Attach, scene.kind, "nothing of that name", "")
		require.ErrorIs(t, err, errs.ErrNotFound, scene.kind)
		want := errs.ErrType
		switch scene.kind {
		case "lock":
			continue
		case "arena":
			want = errs.ErrNotFound
		}
		_, _, err = c.tryOpen(coord.Attach, scene.kind, "there is a lock", "")
		require.ErrorIs(t, err, want, scene.kind)
		_, _, err = c.tryOpen(coord.Create, scene.kind, "there is a lock", scene.typ, scene.params...)
		require.ErrorIs(t, err, want, scene.kind)
	}
	after := s.host.Stats()
	require.Equal(t, before.Objects, after.Objects, "nothing of it is left")
	require.Equal(t, before.Used, after.Used)
}

// What a session may bring that is never forgotten is bounded.
func TestTypesAreBounded(t *testing.T) {
	s := newScene(t, coord.Limits{})
	c, d := s.client(), s.client()
	names := func(i int) string { return strings.Repeat("[1]", i%40) + strings.Repeat("*", i/40) + "int8" }
	for i := range maxMemberTypes {
		c.create("queue", "q", names(0), 0, false)
		_, _, err := c.tryOpen(coord.Create, "queue", "q", names(i), 0, false)
		if i > 0 {
			require.ErrorIs(t, err, errs.ErrType)
		}
	}
	_, _, err := c.tryOpen(coord.Create, "queue", "r", "one more", 0, false)
	require.ErrorIs(t, err, errs.ErrNoMemory)
	c.create("queue", "r", names(7), 0, false)
	d.create("queue", "s", "one more", 0, false)
	c.create("queue", "t", "one more", 0, false) // another session's
}
