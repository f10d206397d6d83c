package served

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

func TestValue(t *testing.T) {
	s := newScene(t, coord.Limits{})
	a, b := s.client(), s.client()
	for typ, size := range map[string]int{"bool": 1, "int16": 2, "uint32": 4, "complex64": 8, "complex128": 16, "[3]int8": 3,
		"struct{}0": 0, "struct{X@0 int8; Y@4 [2]float32}12": 12, "[1000]uint64": 8000} {
		first, second := make([]byte, size), make([]byte, size)
		for i := range size {
			first[i], second[i] = byte(1+i), byte(101+i)
		}
		hex := func(b []byte) string { return fmt.Sprintf("'%x'", b) }
		v, rest, err := a.tryOpen(coord.Create, "value", typ, typ, size, first)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("true %q [%d]", typ, size), rest)
		w, rest, err := b.tryOpen(coord.Attach, "value", typ, "")
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("false %q [%d]", typ, size), rest)
		w.gives(hex(first), "load")
		w.gives("null", "store", second)
		v.gives(hex(second), "swap", first)
		v.gives(fmt.Sprint(size == 0), "cas", second, first)
		v.gives("true", "cas", first, second)
		w.gives(hex(second), "load")
		version := w.version()
		v.gives("false", "storeif", version+1, first)
		v.gives("true", "storeif", version, first)
		v.gives("false", "storeif", version, second)
		v.gives("true", "storeif", v.version(), second)
		w.gives(hex(second), "load")
		w.fails(errs.ErrType, "storeif", version, make([]byte, size+1))
		w.fails(errs.ErrType, "store", make([]byte, size+1))
		w.fails(errs.ErrType, "cas", first, make([]byte, size+1))
		w.fails(errs.ErrType, "add", first, typ+"x")
		v.gives("1", "lock")
		w.fails(errs.ErrLocked, "trylock")
		w.gives(hex(second), "load") // the lock is for those who use it
		v.gives("null", "unlock")
		_, _, err = b.tryOpen(coord.Create, "value", typ, "int8", 1, nil)
		require.ErrorIs(t, err, errs.ErrType)
		_, _, err = b.tryOpen(coord.Attach, "value", typ, "int8")
		require.ErrorIs(t, err, errs.ErrType)
		_, _, err = b.tryOpen(coord.Exclusive, "value", typ, typ, size, nil)
		require.ErrorIs(t, err, errs.ErrExists)
		b.create("value", typ, typ, size, nil).gives(hex(second), "load")
	}
}

// version is the number by which the value is stored conditionally.
func (o thing) version() uint64 {
	o.c.t.Helper()
	out, err := o.c.Call(testContext(o.c.t), o.handle, "loadversion", enc([]any{}), nil)
	require.NoError(o.c.t, err)
	r := coord.NewReader(out)
	r.Args(2)
	r.Bytes()
	version := r.Uint()
	require.NoError(o.c.t, r.Err())
	return version
}

// add computes in the type that the text names.
func TestAdd(t *testing.T) {
	s := newScene(t, coord.Limits{})
	c := s.client()
	le := binary.LittleEndian
	float := func(f float64) []byte { return le.AppendUint64(nil, math.Float64bits(f)) }
	single := func(f float32) []byte { return le.AppendUint32(nil, math.Float32bits(f)) }
	for _, sum := range []struct {
		typ     string
		a, b, c []byte
	}{
		{"int8", []byte{127}, []byte{1}, []byte{0x80}},
		{"int8", []byte{0xff}, []byte{0xff}, []byte{0xfe}},
		{"uint16", []byte{0xff, 0xff}, []byte{2, 0}, []byte{1, 0}},
		{"int32", []byte{0xff, 0, 0, 0}, []byte{1, 0, 0, 0}, []byte{0, 1, 0, 0}},
		{"uint64", le.AppendUint64(nil, math.MaxUint64), le.AppendUint64(nil, 7), le.AppendUint64(nil, 6)},
		{"uintptr64", le.AppendUint64(nil, 1<<40), le.AppendUint64(nil, 1<<40), le.AppendUint64(nil, 1<<41)},
		{"float64", float(1.5), float(-4), float(-2.5)},
		{"float64", float(math.Inf(1)), float(1), float(math.Inf(1))},
		{"float32", single(0.25), single(0.5), single(0.75)},
	} {
		name := fmt.Sprintf("%s %x", sum.typ, sum.a)
		want := fmt.Sprintf("'%x'", sum.c)
		v := c.create("value", name, sum.typ, len(sum.a), sum.a)
		v.gives(want, "add", sum.b, sum.typ)
		v.gives(want, "load")
		a := c.create("array", name+" array", sum.typ, 2, len(sum.a), append(append([]byte{}, sum.c...), sum.a...))
		a.gives(want, "add", 1, sum.b, sum.typ)
		a.gives(want, "load", 1)
		a.gives(want, "load", 0)
	}
	for _, typ := range []string{"bool", "complex64", "[1]int8", "struct{}0"} {
		size, err := elementSize(typ)
		require.NoError(t, err)
		c.create("value", typ, typ, int(size), nil).fails(errs.ErrType, "add", make([]byte, size), typ)
	}
}

func TestArray(t *testing.T) {
	s := newScene(t, coord.Limits{Frame: 64 << 10})
	a, b := s.client(), s.client()
	for typ, size := range map[string]int{"uint8": 1, "int16": 2, "float32": 4, "int64": 8, "[3]uint8": 3, "complex128": 16} {
		const n = 21
		all := make([]byte, n*size)
		for i := range all {
			all[i] = byte(i + 1)
		}
		hex := func(i, j int) string { return fmt.Sprintf("'%x'", all[i*size:j*size]) }
		v, rest, err := a.tryOpen(coord.Create, "array", typ, typ, n, size, all[:5*size])
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("true %q [%d %d]", typ, n, size), rest)
		w, rest, err := b.tryOpen(coord.Attach, "array", typ, typ)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("false %q [%d %d]", typ, n, size), rest)
		w.gives(hex(0, 5), "read", 0, 5)
		w.gives("'"+strings.Repeat("00", 16*size)+"'", "read", 5, 16)
		for i := 5; i < n; i += 8 { // at every place in a word
			w.gives("null", "write", i, all[i*size:(i+8)*size])
		}
		for i := range n {
			w.gives("null", "store", i, all[i*size:(i+1)*size])
			v.gives(hex(i, i+1), "load", i)
			v.gives("null", "write", i, all[i*size:])
			v.gives(hex(i, n), "read", i, n-i)
		}
		v.gives("''", "read", n, 0)
		v.gives("null", "write", n, []byte{})
		v.fails(errs.ErrNotFound, "load", n)
		v.fails(errs.ErrNotFound, "store", n, all[:size])
		v.fails(errs.ErrNotFound, "read", n, 1)
		v.fails(errs.ErrNotFound, "read", uint64(1), uint64(math.MaxUint64))
		v.fails(errs.ErrNotFound, "write", n-1, all[:2*size])
		v.fails(errs.ErrType, "store", 0, all[:2*size])
		if size > 1 {
			v.fails(errs.ErrType, "write", 0, all[:size+1])
		}
		v.gives("1", "lock")
		w.fails(errs.ErrLocked, "trylock")
		_, _, err = b.tryOpen(coord.Create, "array", typ, typ, n+1, size, nil)
		require.ErrorIs(t, err, errs.ErrType)
	}
	large := a.create("array", "large", "uint8", 1<<20, 1, nil)
	large.fails(errs.ErrTooLarge, "read", 0, 1<<20)
	_, err := large.call(testContext(t), "read", 1<<19, 64<<10-replyOverhead)
	require.NoError(t, err)
}

// Local and remote processes add to one word, and none of it is lost.
func TestAddAcross(t *testing.T) {
	s := newScene(t, coord.Limits{})
	const each = 500
	v := s.client().create("value", "v", "int64", 8, nil)
	x := s.client().create("array", "a", "int16", 3, 2, nil)
	words := shm.Elements[int16](s.attach(shm.Array, "a", "int16").Object, 3)
	ctx := testContext(t)
	one, two := binary.LittleEndian.AppendUint64(nil, 1), binary.LittleEndian.AppendUint16(nil, 1)
	var wg sync.WaitGroup
	for range 3 {
		v, x := s.client().create("value", "v", "int64", 8, nil), s.client().create("array", "a", "int16", 3, 2, nil)
		wg.Go(func() {
			for range each {
				_, err := v.call(ctx, "add", one, "int64")
				if err == nil {
					_, err = x.call(ctx, "add", 1, two, "int16")
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Go(func() {
		for range each {
			shm.AddAt(shm.ElementAt(&words[1]), int16(1))
			shm.AddAt(shm.ElementAt(&words[0]), int16(1)) // in the same 32 bits
		}
	})
	wg.Wait()
	v.gives(fmt.Sprintf("'%x'", binary.LittleEndian.AppendUint64(nil, 3*each)), "load")
	x.gives(fmt.Sprintf("'%x'", binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, each), 4*each)), "read", 0, 2)
}

func TestElementSize(t *testing.T) {
	for typ, want := range map[string]uint64{
		"int8": 1, "uintptr64": 8, "[0]int64": 0, "[3][2]int16": 12, "struct{}0": 0, "struct{X@0 int8; _@1 [3]int8; Żółw@8 complex128}24": 24,
		"struct{A@0 struct{B@0 int8}1; C@1 bool}2": 2, "[2]struct{A@0 struct{}0}4": 8,
	} {
		size, err := elementSize(typ)
		require.NoError(t, err, typ)
		require.Equal(t, want, size, typ)
	}
	for _, typ := range []string{"", "int", "uint", "uintptr", "string", "int8 ", " int8", "[]int8", "[3]", "[-1]int8", "[3 ]int8", "struct{}", "struct{X int8}1",
		"struct{X@0 int8}", "struct{X@0 int8}0", "struct{X@0 int8;Y@1 int8}2", "struct{X@0 int8; }1", "struct{X@4 int8; Y@0 int8}8", "struct{X@0 int8; Y@0 int8}2",
		"struct{@0 int8}1", "struct{X@0 int8}1x", "struct{X@99999999999999999999 int8}1", "[1099511627777]int8", "[2][1099511627776]int8", "struct{}1099511627777",
		strings.Repeat("[1]", 1000) + "int8", strings.Repeat("struct{X@0 ", 1000), "any", "map[string]int8"} {
		_, err := elementSize(typ)
		require.ErrorIs(t, err, errs.ErrType, typ)
	}
}

func FuzzElementSize(f *testing.F) {
	for _, typ := range []string{"int8", "[3][2]int16", "struct{X@0 int8; Y@8 complex128}24", "[2]struct{A@0 struct{}0}4"} {
		f.Add(typ)
	}
	f.Fuzz(func(t *testing.T, typ string) {
		if size, err := elementSize(typ); err == nil && size > maxElement {
			t.Errorf("%q has %d bytes", typ, size)
		}
	})
}
