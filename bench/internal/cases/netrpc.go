package cases

import (
	"context"
	"net"
	"net/rpc"
	"sync"

	"github.com/carom-ipc/carom"
)

// Store is a map behind net/rpc, the standard library's way to share one.
type Store struct {
	mu sync.Mutex
	m  map[string]int
}

// Pair is an entry of a Store.
type Pair struct {
	Key   string
	Value int
}

// Get is a method in the form that net/rpc asks for.
func (s *Store) Get(key string, value *int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	*value = s.m[key]
	return nil
}

// Set stores a pair.
func (s *Store) Set(p Pair, _ *struct{}) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[p.Key] = p.Value
	return nil
}

// AddKey adds to the value of a key.
func (s *Store) AddKey(p Pair, sum *int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[p.Key] += p.Value
	*sum = s.m[p.Key]
	return nil
}

func init() {
	for _, op := range []string{"Get", "Set", "AddKey"} {
		for _, c := range Crowds {
			Add(Case{Name: "Dict" + op + "/impl=netrpc/" + CrowdName(c), Open: func(e *Env) (Run, error) {
				path, err := e.Path("rpc")
				if err != nil {
					return nil, err
				}
				return e.Clients(c, Party{Role: "rpc client", Op: op, Object: path}, Party{Role: "rpc server", Object: path})
			}})
		}
	}
	Roles["rpc client"] = func(ctx context.Context, _ *carom.Manager, p Party) (Share, error) {
		conn, err := dialWhenUp(ctx, p.Object)
		if err != nil {
			return nil, err
		}
		call := rpcCall(rpc.NewClient(conn), p.Op, DictKeys(DictEntries))
		return Calling(p, func(int) Call { return call }), nil
	}
	Roles["rpc server"] = func(ctx context.Context, _ *carom.Manager, p Party) (Share, error) {
		s := &Store{m: map[string]int{}}
		for i, key := range DictKeys(DictEntries) {
			s.m[key] = 1000 + i
		}
		server := rpc.NewServer()
		if err := server.Register(s); err != nil {
			return nil, err
		}
		return aside, listen(ctx, p.Object, func(c net.Conn) { server.ServeConn(c) })
	}
}

func rpcCall(c *rpc.Client, op string, keys []string) Call {
	switch op {
	case "Get":
		return func(_ context.Context, i int) error {
			var value int
			return c.Call("Store.Get", keys[i%len(keys)], &value)
		}
	case "Set":
		return func(_ context.Context, i int) error {
			return c.Call("Store.Set", Pair{keys[i%len(keys)], 1000 + i}, &struct{}{})
		}
	default:
		return func(_ context.Context, i int) error {
			var sum int
			return c.Call("Store.AddKey", Pair{keys[i%len(keys)], 1}, &sum)
		}
	}
}
