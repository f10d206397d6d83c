package coord

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

type registerOp struct {
	method   string
	key, arg int
	version  uint64
}

type registerResult struct {
	ok      bool
	value   int
	version uint64
}

// registers is what a dict has to look like to all clients: for each key, a
// value and a version that some one order of the operations explains.
var registers = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[int][]porcupine.Operation{}
		for _, op := range history {
			key := op.Input.(registerOp).key
			byKey[key] = append(byKey[key], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return registerResult{} },
	Step: func(state, input, output any) (bool, any) {
		s, in, out := state.(registerResult), input.(registerOp), output.(registerResult)
		switch in.method {
		case "get":
			return out == s, s
		case "pop":
			return out == s, registerResult{}
		case "set":
			return true, registerResult{true, in.arg, out.version}
		case "cas":
			if in.version != s.version {
				return !out.ok, s
			}
			return out.ok, registerResult{true, in.arg, out.version}
		}
		return false, s
	},
	Equal: func(a, b any) bool { return a == b },
	DescribeOperation: func(in, out any) string {
		return fmt.Sprintf("%+v -> %+v", in, out)
	},
}

func TestDictIsLinearizable(t *testing.T) {
	_, path := serveTest(t, Config{})
	const clients, callers, calls, keys = 3, 2, 60, 2
	var mu sync.Mutex
	var history []porcupine.Operation
	var wg sync.WaitGroup
	start := time.Now()
	for c := range clients {
		client := dialTest(t, path)
		d := open(t, client, KindDict, "d")
		for g := range callers {
			wg.Go(func() {
				var last uint64
				for i := range calls {
					op := registerOp{key: i % keys, arg: c*1000 + g*100 + i, version: last}
					op.method = []string{"set", "get", "cas", "get", "pop", "cas"}[(i*7+c+g)%6]
					began := time.Since(start)
					out, err := runRegister(client, d, op)
					ended := time.Since(start)
					if err != nil {
						t.Error(err)
						return
					}
					last = out.version
					if op.method == "pop" {
						last = 0
					}
					mu.Lock()
					history = append(history, porcupine.Operation{
						ClientId: c*callers + g, Input: op, Output: out, Call: began.Nanoseconds(), Return: ended.Nanoseconds(),
					})
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(registers, history, 10*time.Second))
}

func runRegister(c *Client, d uint64, op registerOp) (registerResult, error) {
	a := args(op.key)
	switch op.method {
	case "set":
		a = args(op.key, op.arg)
	case "cas":
		a = args(op.key, op.version, op.arg)
	}
	out, err := c.Call(context.Background(), d, op.method, a, nil)
	if err != nil {
		return registerResult{}, err
	}
	r := NewReader(out)
	switch op.method {
	case "set":
		return registerResult{true, op.arg, r.Uint()}, r.Err()
	case "cas":
		r.Args(3)
		return registerResult{ok: r.Bool(), version: r.Uint()}, r.Err()
	}
	if r.Null() {
		return registerResult{}, nil
	}
	r.Args(2)
	return registerResult{true, int(r.Int()), r.Uint()}, r.Err()
}
