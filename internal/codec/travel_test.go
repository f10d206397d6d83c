//lint:file-ignore U1000 what does not travel is not used by anybody here

package codec

import (
	"container/list"
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"runtime/debug"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/signature"
)

type (
	hidden struct{ A, b int }
	optOut struct {
		A int
		b int `cbor:"-"`
		c int `json:"-"`
	}
	nothing struct{ a int }
	tagged  struct {
		A int `cbor:"-"`
		b int `cbor:"-"`
	}
	marked   struct{ _ [0]int }
	base     struct{ ID int }
	withBase struct {
		base
		Name string
	}
	withPointer struct {
		*base
		Name string
	}
	number     int
	withNumber struct {
		number
		Name string
	}
	sealed struct{ secret string }
	half   struct{ secret string }
	texts  struct{ secret string }
	named  struct {
		time.Time
		Name string
	}
	alone    struct{ time.Time }
	pointing struct{ *url.URL }
	mine     struct {
		time.Time
		Name string
	}
	twice struct {
		time.Time
		netip.Addr
		Name string
	}
	generic[T any] struct {
		time.Time
		V T
	}
	genericOwn[T any] struct {
		time.Time
		v T
	}
	tree struct {
		Kids []*tree
		Up   *tree
		What any
	}
	loop  *loop
	array struct {
		_ struct{} `cbor:",toarray"`
		A int
	}
)

func (s sealed) MarshalCBOR() ([]byte, error)           { return Marshal(s.secret) }
func (s *sealed) UnmarshalCBOR(b []byte) error          { return Unmarshal(b, &s.secret) }
func (s sealed) MarshalJSON() ([]byte, error)           { return json.Marshal(s.secret) }
func (s *sealed) UnmarshalJSON(b []byte) error          { return json.Unmarshal(b, &s.secret) }
func (half) MarshalCBOR() ([]byte, error)               { return Null, nil }
func (t texts) MarshalText() ([]byte, error)            { return []byte(t.secret), nil }
func (t *texts) UnmarshalText(b []byte) error           { t.secret = string(b); return nil }
func (m mine) MarshalBinary() ([]byte, error)           { return Marshal([]any{m.Time, m.Name}) }
func (m *mine) UnmarshalBinary([]byte) error            { return nil }
func (g *genericOwn[T]) MarshalBinary() ([]byte, error) { return Marshal([]any{g.Time, g.v}) }
func (g *genericOwn[T]) UnmarshalBinary([]byte) error   { return nil }

func TestTypesThatTravel(t *testing.T) {
	for _, v := range []any{
		0, "", 1.5, []byte{}, map[string]int{}, new(int), [2]any{}, struct{}{}, marked{}, optOut{}, withBase{}, sealed{}, &sealed{}, []map[string]*sealed{},
		time.Time{}, &time.Time{}, big.Int{}, &big.Int{}, url.URL{}, netip.Addr{}, alone{}, mine{}, tree{}, array{}, genericOwn[int]{}, cbor.RawMessage{},
		list.Element{}, // has fields that are not exported, and is of another module
	} {
		require.NoError(t, cborRules.verdict(reflect.TypeOf(v)).err, "%T", v)
	}
	for want, v := range map[string]any{
		"codec.hidden.b is not exported":                       hidden{},
		"[]map[string]*codec.hidden[][].b is not exported":     []map[string]*hidden{},
		"struct { X codec.hidden }.X.b is not exported":        struct{ X hidden }{},
		"map[codec.hidden]int[key].b is not exported":          map[hidden]int{},
		"codec.nothing.a is not exported":                      nothing{},
		"nothing of codec.tagged":                              tagged{},
		"codec.withPointer.base is a pointer that is not":      withPointer{},
		"codec.withNumber.number is not exported":              withNumber{},
		"codec.half.secret is not exported":                    half{},
		"codec.texts.secret is not exported":                   texts{},
		`codec.named embeds a time.Time, which encodes itself`: named{},
		`as in "URL *url.URL"`:                                 pointing{},
		"codec.twice embeds a time.Time":                       twice{},
		"codec.generic[int] embeds a time.Time":                generic[int]{},
		"nothing of big.Float":                                 big.Float{},
		"nothing of *struct { sync.Mutex; N int }.Mutex": &struct {
			sync.Mutex
			N int
		}{},
		"struct { F func() }.F is a func()":                     struct{ F func() }{},
		"chan int is a chan int":                                make(chan int),
		"unsafe.Pointer is a unsafe.Pointer":                    unsafe.Pointer(nil),
		"struct { E error }.E is the interface error":           struct{ E error }{},
		"[]fmt.Stringer[] is the interface fmt.Stringer":        []fmt.Stringer{},
		"complex128 is a complex128, which has no form in cbor": 1i,
		"codec.loop is a codec.loop":                            loop(nil),
	} {
		err := cborRules.verdict(reflect.TypeOf(v)).err
		require.ErrorIs(t, err, errs.ErrType, "%T", v)
		require.ErrorContains(t, err, want)
	}
}

// JSON has tags and methods of its own; results may be of any interface; and a codec of the
// program's own may do what it can.
func TestTypesThatTravelByOtherCodecs(t *testing.T) {
	for _, v := range []any{sealed{}, texts{}, big.Float{}, optOut{}, time.Time{}} {
		require.NoError(t, TravelsBy(JSON, reflect.TypeOf(v)), "%T", v)
	}
	for _, v := range []any{hidden{}, half{}, named{}, array{}, struct{ E error }{}, make(chan int)} {
		if _, ok := v.(array); !ok {
			require.ErrorIs(t, TravelsBy(JSON, reflect.TypeOf(v)), errs.ErrType, "%T", v)
		}
		require.NoError(t, TravelsBy(struct{ Codec }{}, reflect.TypeOf(v)))
	}
	for _, c := range []Codec{CBOR, JSON} {
		for _, v := range []any{struct{ S fmt.Stringer }{time.Second}, []any{1, struct{ S fmt.Stringer }{time.Second}}} {
			_, err := AppendResult(c, nil, v)
			require.NoError(t, err)
			_, err = AppendArguments(c, nil, []any{v})
			require.ErrorIs(t, err, errs.ErrType)
			require.ErrorContains(t, err, "argument 1")
		}
		_, err := AppendResult(c, nil, struct{ E error }{})
		require.ErrorIs(t, err, errs.ErrType)
	}
	_, err := AppendResult(CBOR, nil, half{})
	require.NoError(t, err, "it is not decoded")
}

func TestOfOtherModules(t *testing.T) {
	lenient := newRules("cbor", false)
	lenient.modules = func() modules { return modules{} }
	for _, v := range []any{hidden{}, withNumber{}, named{}} {
		require.NoError(t, lenient.verdict(reflect.TypeOf(v)).err, "%T", v)
	}
	for _, v := range []any{nothing{}, pointing{}, struct{ F func() }{}} {
		require.ErrorIs(t, lenient.verdict(reflect.TypeOf(v)).err, errs.ErrType, "%T", v)
	}
}

func TestOwnModule(t *testing.T) {
	m := modulesOf(&debug.BuildInfo{Main: debug.Module{Path: "a.b/c"}, Deps: []*debug.Module{{Path: "a.b/c/nested"}, {Path: "a.b/cc"}, {Path: "x"}}})
	for pkg, want := range map[string]bool{
		"main": true, "main_test": true, "a.b/c": true, "a.b/c_test": true, "a.b/c/d": true, "a.b/c/d_test": true, "a.b/c/nestedly": true,
		"a.b/c/nested": false, "a.b/c/nested/d": false, "a.b/cc": false, "a.b": false, "x": false, "time": false, "": false,
	} {
		require.Equal(t, want, m.own(pkg), pkg)
		require.False(t, modulesOf(&debug.BuildInfo{}).own(pkg), pkg)
	}
	require.True(t, theModules().own(reflect.TypeFor[hidden]().PkgPath()))
}

func TestBehindAny(t *testing.T) {
	type box struct{ V any }
	type outer struct {
		base
		box
		M map[string]*box
		L [1][]any
	}
	for _, bad := range []any{hidden{}, &hidden{}, func() {}, []hidden{}, struct{ E error }{}, map[hidden]int{}} {
		for _, v := range []any{
			bad, box{bad}, &box{bad}, []any{1, bad}, map[string]any{"k": bad}, map[any]any{1: []any{bad}}, outer{box: box{bad}},
			outer{M: map[string]*box{"k": {bad}}}, outer{L: [1][]any{{bad}}}, []box{{}, {bad}}, tree{Kids: []*tree{{What: bad}}},
		} {
			_, err := Encode(v)
			require.ErrorIs(t, err, errs.ErrType, "%#v", v)
			_, err = Append(nil, v)
			require.ErrorIs(t, err, errs.ErrType)
		}
	}
	for _, good := range []any{nil, 1, "x", sealed{}, []any{nil, map[string]any{"k": time.Now()}}, outer{}, (*box)(nil), box{[]int{1}}} {
		_, err := Encode(box{good})
		require.NoError(t, err)
		_, err = Encode(good)
		require.NoError(t, err)
	}
	cyclic := &tree{}
	cyclic.Up, cyclic.Kids = cyclic, []*tree{cyclic}
	_, err := Encode(cyclic)
	require.ErrorIs(t, err, errs.ErrType)
	require.ErrorContains(t, err, "contains itself")
	endless := map[string]any{}
	endless["k"] = []any{endless}
	_, err = Encode(endless)
	require.ErrorContains(t, err, "contains itself")
}

// Where the types are compatible, what one writes the other reads.
func TestSignaturesSayWhatDecodes(t *testing.T) {
	type inner struct{ B int }
	type innerMore struct {
		B *int
		C string
	}
	type first struct {
		A    int
		In   inner
		List []inner
		Map  map[string]inner
		base
	}
	type second struct {
		More []string
		A    int
		In   *innerMore
		List []innerMore
		Map  map[string]*innerMore
		ID   int
	}
	a := first{1, inner{2}, []inner{{3}}, map[string]inner{"k": {4}}, base{5}}
	b, err := Encode(a)
	require.NoError(t, err)
	var got second
	require.NoError(t, Decode(b, &got))
	require.Equal(t, []int{1, 2, 3, 4, 5}, []int{got.A, *got.In.B, *got.List[0].B, *got.Map["k"].B, got.ID})
	b, err = Encode(got)
	require.NoError(t, err)
	var back first
	require.NoError(t, Decode(b, &back))
	require.Equal(t, a, back)
	require.NoError(t, signature.Compatible(SignatureOf[first](), SignatureOf[second]()))
	require.Equal(t, "struct{ID int; Name string}", SignatureOf[withBase]())
	require.Equal(t, "struct{_,toarray struct{}; A int}", SignatureOf[array]())
	require.Equal(t, `struct{"a b" int}`, Signature(reflect.TypeOf(struct {
		A int `cbor:"a b"`
	}{})))
	for _, s := range []string{SignatureOf[tree](), SignatureOf[map[string]named](), SignatureOf[genericOwn[struct{ A []int }]](), LayoutOf[[3]struct{ A int8 }]().Signature} {
		require.NoError(t, signature.Compatible("[]"+s, "[]*"+s), s)
	}
}

func BenchmarkEncode(b *testing.B) {
	type plain struct {
		A    int
		Name string
		List []int
	}
	type open struct {
		A    int
		Name string
		V    any
	}
	for name, v := range map[string]any{"int": 1, "struct": plain{1, "x", []int{1, 2, 3}}, "any": open{1, "x", []any{1, "y", 2.5}}, "map": map[string]any{"a": 1, "b": "c", "d": []any{1.5}}} {
		b.Run("of="+name+"/check=only", func(b *testing.B) {
			for b.Loop() {
				_ = cborRules.checkValue(v)
			}
		})
		b.Run("of="+name+"/check=no", func(b *testing.B) {
			for b.Loop() {
				_, _ = Marshal(v)
			}
		})
	}
}
