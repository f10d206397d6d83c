package namestest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
)

// A User opens objects and removes names.
type User struct {
	Kinds  []string // that it can open
	Open   func(ctx context.Context, kind, name string, mode coord.Mode) (Opened, error)
	Remove func(ctx context.Context, name string) error
}

// Opened is an object that a User has opened.
type Opened struct {
	ID      coord.Identity
	Created bool
	Close   func()
}

// Client is the User that c is. params are what each kind wants to know.
func Client(c *coord.Client, params map[string][]byte) User {
	u := User{Remove: c.Remove}
	for kind := range params {
		u.Kinds = append(u.Kinds, kind)
	}
	u.Open = func(ctx context.Context, kind, name string, mode coord.Mode) (Opened, error) {
		args := coord.AppendText(coord.AppendText(coord.AppendText(coord.AppendArray(nil, 5), kind), name), "")
		args = coord.AppendUint(append(args, params[kind]...), uint64(mode))
		out, err := c.Call(ctx, 0, "open", args, nil)
		if err != nil {
			return Opened{}, err
		}
		r := coord.NewReader(out)
		r.Args(5)
		handle, created := r.Uint(), r.Bool()
		r.Text()
		r.Raw()
		id := coord.Identity(r.Bytes())
		return Opened{id, created, func() { _ = c.Release(ctx, handle) }}, r.Err()
	}
	return u
}

// request is what a User asks for.
type request struct {
	name   string
	kind   string // "": remove
	mode   coord.Mode
	client int
}

// answer is what it got.
type answer struct {
	id      coord.Identity
	created bool
	err     error // a sentinel
}

// holder is what has a name.
type holder struct {
	id   coord.Identity // "": nothing
	kind string
}

// directory is how a name behaves, to all users together.
var directory = porcupine.Model{
	Init: func() any { return holder{} },
	Step: func(state, input, output any) (bool, any) {
		has, in, out := state.(holder), input.(request), output.(answer)
		taken := has.id != ""
		switch {
		case in.kind == "" && out.err == nil:
			return taken, holder{}
		case in.kind == "":
			return !taken && out.err == errs.ErrNotFound, has
		case out.err == errs.ErrNotFound:
			return !taken && in.mode == coord.Attach, has
		case out.err == errs.ErrExists:
			return taken && in.mode == coord.Exclusive, has
		case out.err == errs.ErrType:
			return taken && in.mode != coord.Exclusive && has.kind != in.kind, has
		case out.created:
			return !taken && in.mode != coord.Attach, holder{out.id, in.kind}
		}
		return taken && in.mode != coord.Exclusive && has == holder{out.id, in.kind}, has
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v -> %+v", in, out) },
}

// Storm has the users open and remove a name, all at once and at random, and checks that
// some one order of what they did explains what each of them saw.
func Storm(t *testing.T, seed uint64, users []User, calls int) {
	t.Logf("seed %d", seed)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var mu sync.Mutex
	var history []porcupine.Operation
	made := map[coord.Identity]bool{}
	start := time.Now()
	var wg sync.WaitGroup
	for n, u := range users {
		dice := rand.New(rand.NewPCG(seed, uint64(n)))
		wg.Go(func() {
			var open []Opened
			for range calls {
				q := request{name: fmt.Sprintf("%s %d", t.Name(), seed), client: n}
				if dice.IntN(3) > 0 {
					q.kind = u.Kinds[dice.IntN(len(u.Kinds))]
					q.mode = []coord.Mode{coord.Create, coord.Create, coord.Attach, coord.Exclusive}[dice.IntN(4)]
				}
				began := time.Since(start)
				o, out, err := u.do(ctx, q)
				ended := time.Since(start)
				if err != nil {
					t.Errorf("%+v: %v", q, err)
					return
				}
				mu.Lock()
				history = append(history, porcupine.Operation{ClientId: n, Input: q, Output: out, Call: began.Nanoseconds(), Return: ended.Nanoseconds()})
				if out.created && made[out.id] {
					t.Errorf("%+v: two objects of one identity", q)
				}
				made[out.id] = made[out.id] || out.created
				mu.Unlock()
				if o.Close != nil {
					open = append(open, o)
				}
				if len(open) > 0 && dice.IntN(2) == 0 {
					open[0].Close()
					open = open[1:]
				}
			}
		})
	}
	wg.Wait()
	require.NotEqual(t, porcupine.Illegal, porcupine.CheckOperationsTimeout(directory, history, 20*time.Second), "seed %d", seed)
}

// do makes a request; err is what no user of a directory should get.
func (u User) do(ctx context.Context, q request) (o Opened, out answer, err error) {
	if q.kind == "" {
		err = u.Remove(ctx, q.name)
	} else {
		o, err = u.Open(ctx, q.kind, q.name, q.mode)
		out.id, out.created = o.ID, o.Created
	}
	for _, sentinel := range []error{errs.ErrNotFound, errs.ErrExists, errs.ErrType} {
		if errors.Is(err, sentinel) {
			out.err, err = sentinel, nil
		}
	}
	return o, out, err
}
