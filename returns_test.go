package carom_test

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// tree makes nodes, which only it can make.
type tree struct {
	closed *carom.Event
	root   *node
}

type node struct {
	closed *carom.Event
	n      int
}

func (n *node) Number() int  { n.n++; return n.n }
func (n *node) Same() *node  { return n }
func (n *node) Close() error { return n.closed.Set() }

func (t *tree) Leaf() *node             { return &node{closed: t.closed} }
func (t *tree) Root() *node             { return t.root }
func (t *tree) None() (*node, error)    { return nil, nil }
func (t *tree) Bad() (*node, error)     { return t.root, io.EOF }
func (t *tree) Self() *tree             { return t }
func (t *tree) Boxed() plain            { return plain{7} }
func (t *tree) Count(to int) *generator { return &generator{to: to} }
func (t *tree) Close() error            { return t.closed.Set() }
func (t *tree) Late(ctx context.Context, inside, out *carom.Event) (*node, error) {
	return t.Leaf(), gate{}.Pass(context.WithoutCancel(ctx), inside, out)
}

// generator is what Python calls one: Next goes on until io.EOF.
type generator struct{ n, to int }

func (g *generator) Next() (int, error) {
	if g.n == g.to {
		return 0, io.EOF
	}
	g.n++
	return (g.n - 1) * (g.n - 1), nil
}

var (
	trees = carom.Register[*tree]("Tree", func(ctx context.Context, closed *carom.Event) (*tree, error) {
		m, err := carom.FromEnv(ctx)
		if err != nil {
			return nil, err
		}
		other, err := carom.NewEvent(m, "")
		return &tree{closed, &node{closed: other}}, err
	}, carom.Returns("Leaf", "Node"), carom.Returns("Root", "Node"), carom.Returns("None", "Node"), carom.Returns("Bad", "Node"),
		carom.Returns("Self", "Tree"), carom.Returns("Boxed", "Plain"), carom.Returns("Count", "Generator"), carom.Returns("Late", "Node"))
	nodes = carom.Register[*node]("Node", nil, carom.NoCreate(), carom.Returns("Same", "Node"))
	_     = carom.Register[*generator]("Generator", nil, carom.NoCreate())
)

// Node and Generator are typed proxies.
type Node struct{ carom.Ref }

func (n Node) Number(ctx context.Context) (int, error) { return carom.Call[int](ctx, n.Ref, "Number") }

func names(t *testing.T, m *carom.Manager) (all []string) {
	for i, err := range m.Objects(t.Context()) {
		require.NoError(t, err)
		all = append(all, i.Name)
	}
	return all
}

func TestReturns(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		closed := newEvents(t, a, "closed")[0]
		tr := carom.Must(trees.New(b, "t", closed))
		before := len(names(t, a))

		leaf := call[Node](t, tr, "Leaf")
		require.Equal(t, "Node", leaf.Kind())
		require.Same(t, b, leaf.Manager())
		n, err := leaf.Number(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Contains(t, names(t, a), leaf.Name())

		// It goes with the last that has it open, and so does its name.
		second := carom.Must(nodes.Open(a, leaf.Name()))
		require.Equal(t, 2, call[int](t, second, "Number"))
		require.NoError(t, leaf.Close())
		_, err = leaf.Number(ctx)
		require.ErrorIs(t, err, carom.ErrClosed)
		require.Equal(t, 3, call[int](t, second, "Number"))
		require.False(t, closed.IsSet())
		require.NoError(t, second.Close())
		require.NoError(t, closed.Wait(ctx), "its Close is called")
		require.NotContains(t, names(t, a), leaf.Name())
		_, err = nodes.Open(a, leaf.Name())
		require.ErrorIs(t, err, carom.ErrNotFound)

		// The same pointer is the same object.
		x, y := call[*Node](t, tr, "Root"), call[carom.Ref](t, tr, "Root")
		require.Equal(t, x.Name(), y.Name())
		require.Equal(t, x.Name(), call[Node](t, y, "Same").Name())
		require.NoError(t, x.Close())
		require.Equal(t, 1, call[int](t, y, "Number"), "y has it open as well")
		require.Equal(t, "t", call[carom.Ref](t, tr, "Self").Name())
		require.Equal(t, 8, call[int](t, call[any](t, tr, "Boxed").(carom.Ref), "Next"))

		none := call[Node](t, tr, "None")
		require.Empty(t, none.Name())
		require.Nil(t, call[*Node](t, tr, "None"))
		_, err = carom.Call[Node](ctx, tr, "Bad")
		require.ErrorIs(t, err, io.EOF)
		now := len(names(t, a))
		_, err = carom.Call[int](ctx, tr, "Leaf")
		require.ErrorIs(t, err, carom.ErrType)
		require.ErrorContains(t, err, "a Node, which does not fit a int")
		require.NoError(t, carom.Invoke(ctx, tr, "Leaf"))
		require.Len(t, names(t, a), now, "nothing is left of what nobody took")

		_, err = nodes.New(a, "n")
		require.ErrorIs(t, err, carom.ErrType)
		require.ErrorContains(t, err, "made by methods of other objects only")

		// A client's end is that of its references.
		require.Greater(t, len(names(t, a)), before)
		require.NoError(t, b.Close())
		until(t, "they are gone", func() bool { return len(names(t, a)) == before })
	})
}

// The Python way of a generator: an object with a method that gives the next value.
func TestGenerator(t *testing.T) {
	m, ctx := startManager(t), t.Context()
	tr := carom.Must(trees.New(m, "t", newEvents(t, m, "closed")[0]))
	g := call[carom.Ref](t, tr, "Count", 4)
	var got []int
	for {
		n, err := carom.Call[int](ctx, g, "Next")
		if err != nil {
			require.ErrorIs(t, err, io.EOF)
			break
		}
		got = append(got, n)
	}
	require.Equal(t, []int{0, 1, 4, 9}, got)
}

// What a method returns when its caller has left is closed.
func TestReturnsTooLate(t *testing.T) {
	m := startManager(t)
	e := newEvents(t, m, "closed", "inside", "out")
	tr := carom.Must(trees.New(m, "t", e[0]))
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, err := carom.Call[Node](ctx, tr, "Late", e[1], e[2]); left <- err }()
	require.NoError(t, e[1].Wait(t.Context()))
	count := len(names(t, m))
	cancel()
	require.ErrorIs(t, <-left, context.Canceled)
	require.NoError(t, e[2].Set())
	require.NoError(t, e[0].Wait(t.Context()))
	require.Len(t, names(t, m), count)
}

func TestCloseWhenRemoved(t *testing.T) {
	m, ctx := startManager(t), t.Context()
	closed := newEvents(t, m, "closed")[0]
	tr := carom.Must(trees.New(m, "t", closed))
	require.NoError(t, m.Remove(ctx, "t"))
	require.False(t, closed.IsSet())
	require.NoError(t, tr.Close())
	require.NoError(t, closed.Wait(ctx))
}

// mourner says that it was closed, to this process.
type mourner struct{ closed chan<- string }

var mourned = make(chan string, 2)

func (m *mourner) Close() error { m.closed <- "closed"; return nil }

var mourners = carom.Register[*mourner]("Mourner", func() *mourner { return &mourner{mourned} })

func TestCloseAtTheEnd(t *testing.T) {
	key := []byte("a secret")
	t.Run("serve", func(t *testing.T) {
		m, err := carom.Connect(t.Context(), serveHere(t, carom.ServeConfig{AuthKey: key}), &carom.Options{AuthKey: key})
		require.NoError(t, err)
		carom.Must(mourners.New(m, "a"))
		carom.Must(mourners.New(m, "b"))
		require.NoError(t, m.Close())
		require.Empty(t, mourned, "an object outlives who made it")
	})
	require.Len(t, mourned, 2)
	<-mourned
	<-mourned
}

type pack struct {
	Count *carom.Value[int64]
	Lock  *carom.Lock
	Node  Node
	Other *Node
	Any   any
	Nil   *Node
	Zero  carom.Ref
}

// porter carries handles.
type porter struct{ kept Node }

func (p *porter) Swap(ctx context.Context, in pack) (pack, error) {
	carom.Add(in.Count, 1)
	if err := in.Lock.Unlock(); err != nil {
		return in, err
	}
	if _, err := in.Node.Number(ctx); err != nil {
		return in, err
	}
	if _, err := in.Other.Number(ctx); err != nil {
		return in, err
	}
	_, err := carom.Call[int](ctx, in.Any.(carom.Ref), "Number")
	return in, err
}

func (p *porter) Keep(n Node)            { p.kept = n }
func (p *porter) Kept() Node             { return p.kept }
func (p *porter) Many() map[string]*Node { return map[string]*Node{"kept": {p.kept.Ref}} }

// Make makes objects in the coordinator that it runs in.
func (p *porter) Make(ctx context.Context) (made struct {
	Dict *carom.Dict[string, int]
	Lock *carom.Lock
	Ref  carom.Ref
}, err error) {
	m, err := carom.FromEnv(ctx)
	if err != nil {
		return made, err
	}
	if made.Dict, err = carom.NewDict[string, int](m, ""); err != nil {
		return made, err
	}
	if err = made.Dict.Set(ctx, "made", 1); err != nil {
		return made, err
	}
	if made.Lock, err = carom.NewLock(m, "made lock"); err != nil {
		return made, err
	}
	made.Ref, err = tallies.New(m, "", 41)
	return made, err
}

func (p *porter) Plain(ctx context.Context) (*carom.Dict[string, int], error) {
	made, err := p.Make(ctx)
	return made.Dict, err
}

var porters = carom.Register[*porter]("Porter", func() *porter { return &porter{} })

func TestHandlesInCalls(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		tr := carom.Must(trees.New(a, "t", newEvents(t, a, "closed")[0]))
		p := carom.Must(porters.New(b, "p"))
		root := call[Node](t, tr, "Root")
		count := carom.Must(carom.NewValue[int64](b, "count"))
		lock := carom.Must(carom.NewLock(b, "lock"))
		require.NoError(t, lock.Lock(ctx))
		out := call[pack](t, p, "Swap", pack{Count: count, Lock: lock, Node: root, Other: &root, Any: root})
		require.NoError(t, out.Lock.TryLock())
		require.EqualValues(t, 2, carom.Add(out.Count, 1))
		n, err := out.Node.Number(ctx)
		require.NoError(t, err)
		require.Equal(t, 4, n)
		require.Equal(t, root.Name(), out.Other.Name())
		require.Equal(t, "Node", out.Any.(carom.Ref).Kind())
		require.Nil(t, out.Nil)
		require.Empty(t, out.Zero.Name())

		// An object that keeps a handle keeps what it is a handle to, once it has used it.
		require.NoError(t, carom.Invoke(ctx, p, "Keep", root))
		require.Equal(t, root.Name(), call[Node](t, p, "Kept").Name())
		require.Equal(t, root.Name(), call[map[string]*Node](t, p, "Many")["kept"].Name())

		// A proxy travels in a dict and in a queue, and can be called where it arrives.
		d := carom.Must(carom.NewDict[string, Node](a, "d"))
		require.NoError(t, d.Set(ctx, "root", root))
		got, _, err := carom.Must(carom.OpenDict[string, Node](b, "d")).Get(ctx, "root")
		require.NoError(t, err)
		n, err = got.Number(ctx)
		require.NoError(t, err)
		require.Equal(t, 5, n)

		made := call[struct {
			Dict *carom.Dict[string, int]
			Lock *carom.Lock
			Ref  carom.Ref
		}](t, p, "Make")
		v, _, err := made.Dict.Get(ctx, "made")
		require.NoError(t, err)
		require.Equal(t, 1, v)
		require.NoError(t, made.Lock.Lock(ctx))
		require.NoError(t, made.Lock.Unlock())
		require.Equal(t, 42, call[int](t, made.Ref, "Increment"))
		fromDict := call[*carom.Dict[string, int]](t, p, "Plain")
		l, err := fromDict.Len(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, l)

		// carom's own kinds have handles of their own.
		ref := call[any](t, carom.Must(tallies.New(b, "echo", 0)), "Echo", count).(carom.Ref)
		err = carom.Invoke(ctx, ref, "Load")
		require.ErrorIs(t, err, carom.ErrType)
		require.ErrorContains(t, err, "OpenValue")
		sound(t, a)
	})
}
