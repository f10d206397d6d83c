//lint:file-ignore U1000 what does not travel is not used by anybody here

package carom_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

type (
	secretive struct {
		Name string
		age  int
	}
	lockerIn struct {
		Name string
		lock *carom.Lock
	}
	deepIn struct {
		Name  string
		locks map[string][]struct{ l *carom.Lock }
	}
	blind  struct{ a, b string } // of fixed size, a queue would copy it
	failed struct{ Err error }
	called struct{ F []func() }

	count    struct{ *carom.Value[int64] }
	labelled struct {
		*carom.Value[int64]
		Label string
	}
	deeper struct{ labelled }
	both   struct {
		*carom.Value[int64]
		*carom.Lock
	}
	refPointer  struct{ *carom.Ref }
	nodePointer struct {
		*Node
		Label string
	}
	valueIn struct{ carom.Event }
	renamed carom.Lock

	// labelledNode is a handle, as Ref says.
	labelledNode struct {
		Node
		Label string
	}
	// coded embeds a handle, and has methods of its own.
	coded struct {
		*carom.Value[int64]
		Label string
	}
	codedForm struct {
		V *carom.Value[int64]
		L string
	}
)

func (c coded) MarshalCBOR() ([]byte, error) { return cbor.Marshal(codedForm{c.Value, c.Label}) }
func (c *coded) UnmarshalCBOR(b []byte) error {
	var f codedForm
	err := cbor.Unmarshal(b, &f)
	c.Value, c.Label = f.V, f.L
	return err
}
func (c coded) MarshalJSON() ([]byte, error) { return json.Marshal(codedForm{c.Value, c.Label}) }
func (c *coded) UnmarshalJSON(b []byte) error {
	var f codedForm
	err := json.Unmarshal(b, &f)
	c.Value, c.Label = f.V, f.L
	return err
}

// judge has methods that name types of which a part would not arrive.
type judge struct{ asked int }

func (j *judge) Secretive(secretive)                                { j.asked++ }
func (j *judge) LockerIn(...lockerIn)                               { j.asked++ }
func (j *judge) DeepIn(map[string]deepIn)                           { j.asked++ }
func (j *judge) Labelled(*labelled)                                 { j.asked++ }
func (j *judge) Failed(failed)                                      { j.asked++ }
func (j *judge) GiveSecretive() secretive                           { return secretive{} }
func (j *judge) GiveAny(what string) any                            { return refused[what] }
func (j *judge) Asked() int                                         { return j.asked }
func (j *judge) Echo(c coded, n labelledNode) (coded, labelledNode) { return c, n }

var judges = carom.Register[*judge]("Judge", func() *judge { return new(judge) })

var refused = map[string]any{
	"secretive": secretive{}, "lockerIn": &lockerIn{}, "deepIn": deepIn{}, "blind": blind{}, "failed": failed{}, "called": called{},
	"count": count{}, "labelled": &labelled{}, "deeper": deeper{}, "both": both{}, "refPointer": refPointer{}, "nodePointer": nodePointer{},
	"renamed": &renamed{}, "manager": struct{ M *carom.Manager }{},
}

// places names T wherever a program can, and returns the errors.
func places[T any](t *testing.T, m *carom.Manager) map[string]error {
	ctx := t.Context()
	var zero T
	found := map[string]error{}
	_, found["NewQueue"] = carom.NewQueue[T](m, "refused")
	_, found["OpenQueue"] = carom.OpenQueue[T](m, "refused")
	_, found["NewQueue of slices"] = carom.NewQueue[[]T](m, "refused")
	_, found["NewDict"] = carom.NewDict[string, T](m, "refused")
	_, found["OpenDict"] = carom.OpenDict[string, map[int]*T](m, "refused")
	_, found["NewList"] = carom.NewList[T](m, "refused")
	_, found["OpenList"] = carom.OpenList[struct{ In T }](m, "refused")
	ns := carom.Must(carom.NewNamespace(m, "ns"))
	found["Attr.Set"] = carom.Attr[T]("a").Set(ctx, ns, zero)
	_, found["Attr.Get"] = carom.Attr[T]("a").Get(ctx, ns)
	found["Attr of any"] = carom.Attr[any]("a").Set(ctx, ns, zero)
	found["NewWorker"] = func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("%w: %v", carom.ErrType, p)
			}
		}()
		carom.NewWorker("refused", func(context.Context, T) error { return nil })
		return nil
	}()
	found["Queue of any"] = carom.Must(carom.NewQueue[any](m, "qa")).Put(ctx, zero)
	_, found["PutMany of any"] = carom.Must(carom.NewQueue[any](m, "qa")).PutMany(ctx, []any{zero})
	d := carom.Must(carom.NewDict[any, any](m, "da"))
	found["Dict of any"] = d.Set(ctx, 1, []any{zero})
	found["Dict.Update of any"] = d.Update(ctx, map[any]any{1: map[string]any{"k": &zero}})
	_, found["Dict.Compute of any"] = d.Compute(ctx, 1, func(any, bool) (any, error) { return zero, nil })
	found["List of any"] = carom.Must(carom.NewList[struct{ V any }](m, "la")).Append(ctx, struct{ V any }{zero})
	j := carom.Must(judges.New(m, "judge"))
	found["an argument"] = carom.Invoke(ctx, j, "GiveAny", zero)
	_, found["a result"] = carom.Call[T](ctx, j, "Asked")
	for _, err := range carom.Iterate[T](ctx, j, "Asked") {
		found["an item"] = err
	}
	_, err := judges.New(m, "another judge", zero)
	found["an argument of a factory"] = err
	_, found["a worker's argument"] = anyWorker.Start(ctx, m, zero)
	return found
}

var anyWorker = carom.NewWorker("any", func(context.Context, any) error { return nil })

func TestWhatWouldNotArriveIsRefused(t *testing.T) {
	for _, codec := range []carom.Codec{carom.CBOR, carom.JSON} {
		t.Run(codec.Name(), func(t *testing.T) {
			for _, remote := range []bool{false, true} {
				m, err := carom.Start(t.Context(), &carom.Options{Memory: 64 << 20, Codec: codec, Remote: remote})
				require.NoError(t, err)
				defer m.Close()
				for _, c := range []struct {
					found map[string]error
					part  string
				}{
					{places[secretive](t, m), ".age"},
					{places[lockerIn](t, m), ".lock"},
					{places[deepIn](t, m), ".locks"},
					{places[blind](t, m), ".a"},
					{places[failed](t, m), ".Err"},
					{places[called](t, m), ".F[]"},
					{places[count](t, m), "embeds a *carom.Value[int64]"},
					{places[labelled](t, m), "embeds a *carom.Value[int64]"},
					{places[deeper](t, m), "embeds a carom_test.labelled"},
					{places[both](t, m), "embeds a *carom.Value[int64]"},
					{places[refPointer](t, m), "embeds a *carom.Ref"},
					{places[nodePointer](t, m), "embeds a *carom_test.Node"},
					{places[struct{ X []secretive }](t, m), ".X[].age"},
					{places[struct{ C context.Context }](t, m), ".C is the interface"},
					{places[struct{ M *carom.Manager }](t, m), ".M"},
				} {
					for place, err := range c.found {
						require.ErrorIs(t, err, carom.ErrType, "%s of %s", place, c.part)
						require.ErrorContains(t, err, c.part, place)
					}
				}
				ctx := t.Context()
				_, err = carom.NewDict[secretive, int](m, "refused")
				require.ErrorIs(t, err, carom.ErrType)
				_, err = carom.NewDict[struct{ l *carom.Lock }, int](m, "refused")
				require.ErrorContains(t, err, ".l,")
				require.ErrorIs(t, carom.Must(carom.NewDict[any, int](m, "da2")).Set(ctx, secretive{}, 1), carom.ErrType)

				// Methods that name such types.
				j := carom.Must(judges.New(m, "judge"))
				for method, part := range map[string]string{"Secretive": "secretive.age", "LockerIn": "lockerIn.lock", "DeepIn": "deepIn[].locks", "Labelled": "labelled embeds", "Failed": "failed.Err"} {
					err := carom.Invoke(ctx, j, method, map[string]any{})
					require.ErrorIs(t, err, carom.ErrType, method)
					require.ErrorContains(t, err, part)
				}
				require.Zero(t, call[int](t, j, "Asked"))
				require.ErrorIs(t, carom.Invoke(ctx, j, "GiveSecretive"), carom.ErrType)
				for what := range refused {
					require.ErrorIs(t, carom.Invoke(ctx, j, "GiveAny", what), carom.ErrType, what)
				}
			}
		})
	}
}

// What is a handle, or encodes itself, goes on to travel.
func TestHandlesThatAreEmbedded(t *testing.T) {
	for _, codec := range []carom.Codec{carom.CBOR, carom.JSON} {
		m, err := carom.Start(t.Context(), &carom.Options{Memory: 64 << 20, Codec: codec})
		require.NoError(t, err)
		defer m.Close()
		ctx := t.Context()
		in := coded{carom.Must(carom.NewValue[int64](m, "v", carom.Initial(7))), "label"}
		q := carom.Must(carom.NewQueue[coded](m, "q"))
		require.NoError(t, q.Put(ctx, in))
		out := carom.Must(q.Get(ctx))
		require.Equal(t, "label", out.Label)
		require.EqualValues(t, 7, out.Load())
		j := carom.Must(judges.New(m, "judge"))
		d := carom.Must(carom.NewDict[string, labelledNode](m, "d"))
		require.NoError(t, d.Set(ctx, "k", labelledNode{Node{j}, "lost"}))
		got, ok, err := d.Get(ctx, "k")
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, "judge", got.Name())
		require.Empty(t, got.Label)
		pair := call[carom.Pair[coded, labelledNode]](t, j, "Echo", in, got)
		require.EqualValues(t, 7, pair.Key.Load())
		require.Equal(t, "label", pair.Key.Label)
		require.Equal(t, "judge", pair.Value.Name())
	}
}

// allNil has a handle of each kind, and what holds handles.
type allNil struct {
	Value     *carom.Value[int64]
	Array     *carom.Array[int64]
	Queue     *carom.Queue[string]
	ByteQueue *carom.ByteQueue
	Lock      *carom.Lock
	RLock     *carom.RLock
	Semaphore *carom.Semaphore
	Bounded   *carom.BoundedSemaphore
	Condition *carom.Condition
	Event     *carom.Event
	Barrier   *carom.Barrier
	Dict      *carom.Dict[string, int]
	List      *carom.List[int]
	Namespace *carom.Namespace
	Ref       *carom.Ref
	Zero      carom.Ref
	Node      *Node
	ZeroNode  Node
	Map       map[string]*carom.Lock
	Slice     []*carom.Lock
	Array2    [2]*carom.Lock
}

func withNils() allNil {
	return allNil{Map: map[string]*carom.Lock{"k": nil}, Slice: []*carom.Lock{nil}}
}

// nilKeeper gives back what it gets, and says that nothing was in it.
type nilKeeper struct{ n int }

func (nilKeeper) All(a allNil) (allNil, error) {
	if !reflect.DeepEqual(a, withNils()) {
		return a, errors.New("not nil")
	}
	return a, nil
}
func (nilKeeper) Value(h *carom.Value[int64]) (*carom.Value[int64], bool)   { return h, h == nil }
func (nilKeeper) Array(h *carom.Array[int64]) (*carom.Array[int64], bool)   { return h, h == nil }
func (nilKeeper) Queue(h *carom.Queue[string]) (*carom.Queue[string], bool) { return h, h == nil }
func (nilKeeper) ByteQueue(h *carom.ByteQueue) (*carom.ByteQueue, bool)     { return h, h == nil }
func (nilKeeper) Lock(h *carom.Lock) (*carom.Lock, bool)                    { return h, h == nil }
func (nilKeeper) RLock(h *carom.RLock) (*carom.RLock, bool)                 { return h, h == nil }
func (nilKeeper) Semaphore(h *carom.Semaphore) (*carom.Semaphore, bool)     { return h, h == nil }
func (nilKeeper) Bounded(h *carom.BoundedSemaphore) (*carom.BoundedSemaphore, bool) {
	return h, h == nil
}
func (nilKeeper) Condition(h *carom.Condition) (*carom.Condition, bool) { return h, h == nil }
func (nilKeeper) Event(h *carom.Event) (*carom.Event, bool)             { return h, h == nil }
func (nilKeeper) Barrier(h *carom.Barrier) (*carom.Barrier, bool)       { return h, h == nil }
func (nilKeeper) Dict(h *carom.Dict[string, int]) (*carom.Dict[string, int], bool) {
	return h, h == nil
}
func (nilKeeper) List(h *carom.List[int]) (*carom.List[int], bool)      { return h, h == nil }
func (nilKeeper) Namespace(h *carom.Namespace) (*carom.Namespace, bool) { return h, h == nil }
func (nilKeeper) Ref(h *carom.Ref) (*carom.Ref, bool)                   { return h, h == nil }
func (nilKeeper) Node(h *Node) (*Node, bool)                            { return h, h == nil }

var nilKeepers = carom.Register[*nilKeeper]("NilKeeper", func() *nilKeeper { return new(nilKeeper) })

var nilWorker = carom.NewWorker("nil", func(_ context.Context, a allNil) error {
	_, err := nilKeeper{}.All(a)
	return err
})

var nilLockWorker = carom.NewWorker("nil lock", func(_ context.Context, l *carom.Lock) error {
	if l != nil {
		return errors.New("not nil")
	}
	return nil
})

func nilArgument[H any](t *testing.T, k carom.Ref, method string) {
	got := call[carom.Pair[*H, bool]](t, k, method, (*H)(nil))
	require.True(t, got.Value, method)
	require.Nil(t, got.Key, method)
}

func TestNilHandlesArriveNil(t *testing.T) {
	for _, codec := range []carom.Codec{carom.CBOR, carom.JSON} {
		t.Run(codec.Name(), func(t *testing.T) {
			m, err := carom.Start(t.Context(), &carom.Options{Memory: 64 << 20, Codec: codec})
			require.NoError(t, err)
			defer m.Close()
			ctx := t.Context()
			k := carom.Must(nilKeepers.New(m, "k"))
			require.Equal(t, withNils(), call[allNil](t, k, "All", withNils()))
			nilArgument[carom.Value[int64]](t, k, "Value")
			nilArgument[carom.Array[int64]](t, k, "Array")
			nilArgument[carom.Queue[string]](t, k, "Queue")
			nilArgument[carom.ByteQueue](t, k, "ByteQueue")
			nilArgument[carom.Lock](t, k, "Lock")
			nilArgument[carom.RLock](t, k, "RLock")
			nilArgument[carom.Semaphore](t, k, "Semaphore")
			nilArgument[carom.BoundedSemaphore](t, k, "Bounded")
			nilArgument[carom.Condition](t, k, "Condition")
			nilArgument[carom.Event](t, k, "Event")
			nilArgument[carom.Barrier](t, k, "Barrier")
			nilArgument[carom.Dict[string, int]](t, k, "Dict")
			nilArgument[carom.List[int]](t, k, "List")
			nilArgument[carom.Namespace](t, k, "Namespace")
			nilArgument[carom.Ref](t, k, "Ref")
			nilArgument[Node](t, k, "Node")

			q := carom.Must(carom.NewQueue[allNil](m, "q"))
			require.NoError(t, q.Put(ctx, withNils()))
			require.Equal(t, withNils(), carom.Must(q.Get(ctx)))
			ql := carom.Must(carom.NewQueue[*carom.Lock](m, "ql"))
			require.NoError(t, ql.Put(ctx, nil))
			require.Nil(t, carom.Must(ql.Get(ctx)))
			d := carom.Must(carom.NewDict[string, allNil](m, "d"))
			require.NoError(t, d.Set(ctx, "k", withNils()))
			got, ok, err := d.Get(ctx, "k")
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, withNils(), got)
			l := carom.Must(carom.NewList[*carom.Event](m, "l"))
			require.NoError(t, l.Append(ctx, nil))
			require.Nil(t, carom.Must(l.Get(ctx, 0)))
			ns := carom.Must(carom.NewNamespace(m, "ns"))
			require.NoError(t, carom.Attr[*carom.Barrier]("b").Set(ctx, ns, nil))
			require.Nil(t, carom.Must(carom.Attr[*carom.Barrier]("b").Get(ctx, ns)))
			require.NoError(t, carom.Must(nilWorker.Start(ctx, m, withNils())).Wait())
			require.NoError(t, carom.Must(nilLockWorker.Start(ctx, m, nil)).Wait())
		})
	}
}

func TestZerosAreOneKey(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		zero := 0.0
		minus, nan := math.Copysign(0, -1), math.NaN()
		d := carom.Must(carom.NewDict[float64, string](a, "d"))
		e := carom.Must(carom.OpenDict[float64, string](b, "d"))
		require.NoError(t, d.Set(ctx, minus, "zero"))
		v, ok, err := e.Get(ctx, zero)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, "zero", v)
		require.NoError(t, e.Set(ctx, zero, "again"))
		require.NoError(t, d.Update(ctx, map[float64]string{minus: "third", nan: "nan"}))
		require.NoError(t, e.Set(ctx, nan, "another nan"))
		many, err := e.GetMany(ctx, minus, nan)
		require.NoError(t, err)
		require.Len(t, many, 2)
		n, err := d.Len(ctx)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		v, ok, err = d.Pop(ctx, minus)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, "third", v)
		p := carom.Must(carom.NewDict[struct{ X, Y float32 }, int](a, "p"))
		require.NoError(t, p.Set(ctx, struct{ X, Y float32 }{}, 1))
		n, err = carom.AddKey(ctx, p, struct{ X, Y float32 }{X: float32(minus)}, 1)
		require.NoError(t, err)
		require.Equal(t, 2, n)
	})
}

func TestItemsThatDoNotDecode(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		// fill puts the handles of four locks, of which the second and the fourth are gone.
		fill := func(q *carom.Queue[*carom.Lock], round string) {
			for i := range 4 {
				l := carom.Must(carom.NewLock(a, fmt.Sprint(q.Name(), round, i)))
				require.NoError(t, q.Put(ctx, l))
				if i%2 == 1 {
					require.NoError(t, a.Remove(ctx, l.Name()))
				}
				require.NoError(t, l.Close())
			}
		}
		q := carom.Must(carom.NewQueue[*carom.Lock](b, "q", carom.AtLeastOnce()))
		fill(q, "get")
		for i := range 4 {
			l, err := q.TryGet()
			if i%2 == 0 {
				require.NoError(t, err)
				require.Equal(t, fmt.Sprint("qget", i), l.Name())
				continue
			}
			require.ErrorIs(t, err, carom.ErrType)
			require.ErrorContains(t, err, "awaits TaskDone")
			require.ErrorContains(t, err, "behind")
			require.Nil(t, l)
		}
		for range 4 {
			require.NoError(t, q.TaskDone())
		}
		require.NoError(t, q.Join(ctx))
		require.ErrorIs(t, q.TaskDone(), carom.ErrOverRelease)

		// Without TaskDone all four go back, in their order.
		fill(q, "back")
		taker := carom.Must(carom.OpenQueue[*carom.Lock](b, "q"))
		for range 4 {
			_, _ = taker.TryGet()
		}
		require.Zero(t, q.Len())
		require.NoError(t, taker.Close())
		require.Eventually(t, func() bool { return q.Len() == 4 }, 10*time.Second, time.Millisecond)

		// All goes on behind them.
		require.NoError(t, q.CloseWrite())
		var names []string
		bad := 0
		for l, err := range q.All(ctx) {
			if err != nil {
				require.ErrorIs(t, err, carom.ErrType)
				bad++
			} else {
				names = append(names, l.Name())
			}
			require.NoError(t, q.TaskDone())
		}
		require.Equal(t, []string{"qback0", "qback2"}, names)
		require.Equal(t, 2, bad)
		require.NoError(t, q.Join(ctx))

		many := carom.Must(carom.NewQueue[*carom.Lock](b, "many", carom.AtLeastOnce()))
		fill(many, "x")
		list := make([]*carom.Lock, 4)
		n, err := many.GetMany(ctx, list)
		require.ErrorIs(t, err, carom.ErrType)
		require.ErrorContains(t, err, "item 1")
		require.Positive(t, n)
		require.Equal(t, "manyx0", list[0].Name())

		once := carom.Must(carom.NewQueue[*carom.Lock](b, "once"))
		fill(once, "x")
		_, err = once.TryGet()
		require.NoError(t, err)
		_, err = once.TryGet()
		require.ErrorContains(t, err, "the item is lost")
		sound(t, a)
	})
}

func TestEntriesThatDoNotDecode(t *testing.T) {
	inAllScenes(t, func(t *testing.T, a, b *carom.Manager) {
		ctx := t.Context()
		d := carom.Must(carom.NewDict[string, *carom.Lock](b, "d"))
		l := carom.Must(carom.NewList[*carom.Lock](b, "l"))
		changes := d.Watch(ctx)
		for i := range 5 {
			lock := carom.Must(carom.NewLock(a, fmt.Sprint(i)))
			require.NoError(t, d.Set(ctx, fmt.Sprint(i), lock))
			require.NoError(t, l.Append(ctx, lock))
			if i == 1 || i == 3 {
				require.NoError(t, a.Remove(ctx, lock.Name()))
			}
			require.NoError(t, lock.Close())
		}
		var good []string
		var errs []error
		take := func(lock *carom.Lock, err error) {
			if err != nil {
				require.Nil(t, lock)
				require.ErrorIs(t, err, carom.ErrType)
				errs = append(errs, err)
				return
			}
			good = append(good, lock.Name())
		}
		check := func(what string, bad string) {
			t.Helper()
			require.Equal(t, []string{"0", "2", "4"}, good, what)
			require.NotEmpty(t, errs)
			require.ErrorContains(t, errs[0], bad, what)
			good, errs = nil, nil
		}
		for e, err := range d.All(ctx) {
			require.NotZero(t, e.Version)
			require.NotEmpty(t, e.Key)
			take(e.Value, err)
		}
		require.Len(t, errs, 2)
		check("Dict.All", "key 1: ")
		seen := 0
		for c, err := range changes {
			require.NotEmpty(t, c.Key)
			take(c.Value, err)
			if seen++; seen == 5 {
				break
			}
		}
		check("Watch", "key 1: ")
		values, err := d.Values(ctx)
		for _, v := range values {
			take(v, nil)
		}
		take(nil, err)
		check("Values", "item 1: ")
		require.ErrorContains(t, err, "and 1 more")
		keys, err := d.Keys(ctx)
		require.NoError(t, err)
		require.Len(t, keys, 5)
		all, err := d.Snapshot(ctx)
		require.ErrorIs(t, err, carom.ErrType)
		require.Len(t, all, 3)
		some, err := d.GetMany(ctx, "0", "1", "2", "none")
		require.ErrorContains(t, err, "key 1: ")
		require.Len(t, some, 2)
		for lock, err := range l.All(ctx) {
			take(lock, err)
		}
		require.Len(t, errs, 2)
		check("List.All", "item 1: ")
		snapshot, err := l.Snapshot(ctx)
		for _, v := range snapshot {
			take(v, nil)
		}
		take(nil, err)
		check("List.Snapshot", "item 1: ")
		slice, err := l.Slice(ctx, 1, 4)
		require.ErrorContains(t, err, "item 0: ")
		require.Len(t, slice, 1)
		_, _, err = d.Get(ctx, "1")
		require.ErrorIs(t, err, carom.ErrType)
		n, err := d.Len(ctx)
		require.NoError(t, err)
		require.Equal(t, 5, n)
	})
}
