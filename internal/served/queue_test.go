package served

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

func TestQueue(t *testing.T) {
	s := newScene(t, coord.Limits{})
	a, b := s.client(), s.client()
	q, rest, err := a.tryOpen(coord.Create, "queue", "q", "any", 2, false)
	require.NoError(t, err)
	require.Equal(t, `true "any" [2 false]`, rest)
	r := b.create("queue", "q", "any", 2, false)

	r.fails(errs.ErrEmpty, "tryget")
	q.gives("null", "put", []byte("a"))
	q.gives("null", "tryput", []byte{})
	q.fails(errs.ErrFull, "tryput", []byte("c"))
	q.gives("2", "len")
	waits := s.asleep(q, "put", []byte("c"))
	r.gives("'61'", "get")
	waits.gives("null")
	r.gives("['' '63']", "getmany", 10)
	r.gives("[]", "getmany", 0)

	cancelled := s.asleep(r, "get")
	cancelled.leaves()
	gets, many := s.asleep(r, "get"), r.start("getmany", 3)
	q.gives("[4 null]", "putmany", []byte("1"), []byte("2"), []byte("3"), []byte("4"))
	<-gets.done
	<-many.done
	require.NoError(t, gets.err)
	require.NoError(t, many.err)
	got := len(strings.Fields(gets.out + " " + many.out))
	for ; got < 4; got++ {
		r.gives(diagOf(t, r), "len")
		_, err := r.call(testContext(t), "tryget")
		require.NoError(t, err)
	}
	r.fails(errs.ErrEmpty, "tryget")

	q.gives("null", "put", []byte("x"))
	part := s.asleep(q, "putmany", []byte("1"), []byte("2"), []byte("3"))
	part.leaves() // the reply says how many were stored
	q.gives("null", "closewrite")
	q.fails(errs.ErrClosed, "closewrite")
	q.fails(errs.ErrClosed, "put", []byte("x"))
	q.gives(`[0 ["closed" "closed"]]`, "putmany", []byte("x"))
	r.gives("['78' '31']", "getmany", 5)
	r.fails(io.EOF, "get")
	r.fails(io.EOF, "tryget")
	r.fails(io.EOF, "getmany", 1)
}

// diagOf is the length of a queue, as a text.
func diagOf(t testing.TB, o thing) string {
	out, err := o.call(testContext(t), "len")
	require.NoError(t, err)
	return out
}

func TestQueueJoin(t *testing.T) {
	s := newScene(t, coord.Limits{})
	a, b := s.client(), s.client()
	q, r := a.create("queue", "q", "any", 0, false), b.create("queue", "q", "any", 0, false)
	q.gives("null", "join")
	q.fails(errs.ErrOverRelease, "taskdone")
	q.gives("[2 null]", "putmany", []byte("1"), []byte("2"))
	cancelled := s.asleep(q, "join")
	waits := q.start("join")
	r.gives("null", "taskdone")
	cancelled.leaves()
	r.gives("null", "taskdone")
	waits.gives("null")
	q.fails(errs.ErrOverRelease, "taskdone")
}

func TestQueueConfirmed(t *testing.T) {
	s := newScene(t, coord.Limits{})
	a, b := s.client(), s.client()
	q, rest, err := a.tryOpen(coord.Create, "queue", "q", "any", 0, true)
	require.NoError(t, err)
	require.Equal(t, `true "any" [0 true]`, rest)
	r := b.create("queue", "q", "any", 0, true)
	second := b.create("queue", "q", "any", 0, true)
	q.gives("[4 null]", "putmany", []byte("1"), []byte("2"), []byte("3"), []byte("4"))
	r.gives("['31' '32']", "getmany", 2)
	second.gives("'33'", "get")
	second.gives("null", "taskdone")
	second.fails(errs.ErrOverRelease, "taskdone") // what it took itself
	r.gives("null", "taskdone")

	require.NoError(t, b.Release(testContext(t), r.handle)) // 2 goes back
	q.gives("2", "len")
	q.gives("'32'", "get")
	join := q.start("join")
	second.gives("'34'", "get")
	b.Close() // so does 4
	q.gives("'34'", "get")
	q.gives("null", "taskdone")
	q.gives("null", "taskdone")
	join.gives("null")
}

// Items that are larger than a frame stay, and do no harm to those that fit.
func TestQueueItemsBeyondTheFrame(t *testing.T) {
	s := newScene(t, coord.Limits{Frame: 64 << 10})
	c := s.client()
	for _, kind := range []string{"queue", "bytequeue"} {
		params := []any{0}
		if kind == "queue" {
			params = []any{0, false}
		}
		q := c.create(kind, kind, "", params...)
		items := shm.ItemsOf(s.attach(map[string]shm.Kind{"queue": shm.Queue, "bytequeue": shm.ByteQueue}[kind], kind, ""))
		put := func(b []byte) {
			block, buf, err := items.Reserve(testContext(t), len(b))
			require.NoError(t, err)
			copy(buf, b)
			require.NoError(t, items.Commit(testContext(t), block, len(b), true))
		}
		large := bytes.Repeat([]byte("x"), 64<<10)
		fits := large[:64<<10-replyOverhead]
		put(fits)
		put(large)
		q.gives("'"+strings.Repeat("78", len(fits))+"'", "get")
		q.fails(errs.ErrTooLarge, "get")
		q.fails(errs.ErrTooLarge, "tryget")
		q.gives("1", "len")
		_, err := q.c.Call(testContext(t), q.handle, "put", enc([]any{fits[:len(fits)-20]}), nil)
		require.NoError(t, err)
		n := 0
		drop := func([]byte) { n++ }
		_, err = items.Get(testContext(t), false, drop, drop)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		_, err = q.call(testContext(t), "get")
		require.NoError(t, err)
	}

	q := c.create("queue", "many", "any", 0, false)
	item := bytes.Repeat([]byte("y"), 30<<10)
	for range 5 {
		q.gives("null", "put", item)
	}
	one := " '" + strings.Repeat("79", 30<<10) + "'"
	for _, n := range []int{2, 2, 1} {
		q.gives("["+strings.Repeat(one, n)[1:]+"]", "getmany", 100)
	}
}

func TestQueueOfElements(t *testing.T) {
	s := newScene(t, coord.Limits{})
	c := s.client()
	q := c.create("queue", "q", "struct{X@0 int32; Y@8 int64}16", 0, false)
	q.fails(errs.ErrType, "put", []byte("short"))
	q.fails(errs.ErrType, "putmany", make([]byte, 16), make([]byte, 15))
	q.gives("0", "len")
	q.gives("null", "put", make([]byte, 16))
}

// Each of a number of items that local and remote processes pass on arrives once.
func TestQueueBetweenRemoteAndLocal(t *testing.T) {
	s := newScene(t, coord.Limits{})
	const each = 200
	q := s.client().create("queue", "q", "uint64", 7, true)
	items := shm.ItemsOf(s.attach(shm.Queue, "q", "uint64"))
	ctx := testContext(t)
	var producers, consumers sync.WaitGroup
	produce := func(base int, put func(b []byte) error) {
		producers.Go(func() {
			for i := range each {
				if err := put(binary.LittleEndian.AppendUint64(nil, uint64(base+i))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 3 {
		o := s.client().create("queue", "q", "uint64", 7, true)
		produce(i*each, func(b []byte) error {
			_, err := o.call(ctx, "put", b)
			return err
		})
	}
	produce(3*each, func(b []byte) error { return items.Put(ctx, nil, b, true) })
	var mu sync.Mutex
	seen := map[uint64]int{}
	take := func(b []byte) {
		mu.Lock()
		seen[binary.LittleEndian.Uint64(b)]++
		mu.Unlock()
	}
	for range 2 {
		o := s.client().create("queue", "q", "uint64", 7, true)
		consumers.Go(func() {
			for {
				out, err := o.c.Call(ctx, o.handle, "get", enc([]any{}), nil)
				if errIs(err, io.EOF) {
					return
				}
				if err == nil {
					take(coord.NewReader(out).Bytes())
					_, err = o.call(ctx, "taskdone")
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	consumers.Go(func() {
		for {
			claim, err := items.Get(ctx, true, take, take)
			if err == io.EOF {
				return
			}
			if err == nil {
				err = items.Done(ctx, claim)
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	producers.Wait()
	q.gives("null", "closewrite")
	consumers.Wait()
	require.Len(t, seen, 4*each)
	for v, n := range seen {
		require.Equal(t, 1, n, "item %d", v)
	}
}

func TestByteQueue(t *testing.T) {
	s := newScene(t, coord.Limits{})
	a, b := s.client(), s.client()
	q, rest, err := a.tryOpen(coord.Create, "bytequeue", "q", "", 2)
	require.NoError(t, err)
	require.Equal(t, `true "" [2]`, rest)
	r := b.create("bytequeue", "q", "", 2)
	r.fails(errs.ErrEmpty, "tryget")
	q.gives("null", "put", []byte("a"))
	q.gives("null", "tryput", []byte{})
	q.fails(errs.ErrFull, "tryput", []byte("c"))
	q.gives("2", "len")
	waits := s.asleep(q, "put", []byte("c"))
	r.gives("'61'", "get")
	waits.gives("null")
	r.gives("''", "tryget")
	r.gives("'63'", "get")
	cancelled := s.asleep(r, "get")
	cancelled.leaves()

	q.gives("null", "reserve", 1<<20)
	q.fails(errs.ErrTooLarge, "reserve", 64<<20)
	q.fails(errs.ErrTooLarge, "reserve", uint64(1<<63))
	q.gives("null", "closewrite")
	q.fails(errs.ErrClosed, "closewrite")
	q.fails(errs.ErrClosed, "reserve", 1)
	q.fails(errs.ErrClosed, "put", []byte("x"))
	r.fails(io.EOF, "get")
}

// Whatever is copied under the queue's lock has its room before.
func TestGetMakesRoomBefore(t *testing.T) {
	a, err := shm.Create(16 << 20)
	require.NoError(t, err)
	defer a.Close(t.Context())
	h, _, err := a.Open(t.Context(), shm.QueueSpec(shm.Queue, "q", "any", 0, false))
	require.NoError(t, err)
	q := &queue{items: shm.ItemsOf(h), limit: 1 << 20, obj: h}
	for _, try := range []struct {
		args []byte
		one  func(*call) error
	}{
		{coord.AppendArray(nil, 0), func(c *call) error { return q.get(c, false) }},
		{coord.AppendUint(coord.AppendArray(nil, 1), 1), q.getMany},
	} {
		require.NoError(t, q.items.Put(t.Context(), nil, []byte("x"), false))
		c := &call{ctx: t.Context(), args: *coord.NewReader(try.args)}
		require.NoError(t, try.one(c))
		require.Greater(t, cap(c.dst), shm.MaxInline)
	}
}
