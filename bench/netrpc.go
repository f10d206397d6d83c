package bench

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

// Get is a method in the form that net/rpc asks for.
func (s *Store) Get(key string, value *int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	*value = s.m[key]
	return nil
}

func init() {
	add(inProcess("DictGet/impl=netrpc/procs=2/goroutines=1", 0, func(e *Env) (func(int) error, error) {
		path, err := e.path("rpc")
		if err != nil {
			return nil, err
		}
		g := carom.NewGroup(e.ctx, e.M)
		rpcWorker.Go(g, path)
		conn, err := dialWhenUp(e.ctx, path)
		if err != nil {
			return nil, err
		}
		c := rpc.NewClient(conn)
		e.onClose(func() { _ = c.Close(); _ = g.Wait() })
		keys := make([]string, dictEntries)
		for i := range keys {
			keys[i] = dictKey(i)
		}
		return func(n int) error {
			for i := range n {
				var value int
				if err := c.Call("Store.Get", keys[i%len(keys)], &value); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}))
}

// rpcWorker serves one client.
var rpcWorker = carom.NewWorker("bench.rpc", func(_ context.Context, path string) error {
	s := &Store{m: map[string]int{}}
	for i := range dictEntries {
		s.m[dictKey(i)] = 1000 + i
	}
	server := rpc.NewServer()
	if err := server.Register(s); err != nil {
		return err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	defer l.Close()
	c, err := l.Accept()
	if err != nil {
		return err
	}
	server.ServeConn(c)
	return nil
})
