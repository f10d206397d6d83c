package signature

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

func TestCompatible(t *testing.T) {
	for _, c := range []struct{ a, b string }{
		{"int64", "int64"},
		{"", ""},
		{"struct{A int}", "struct{A int; B string}"},
		{"struct{A int; B string}", "struct{B string; C bool}"},
		{"struct{A int; B string}", "struct{B string; A int}"},
		{"struct{}", "struct{A int}"},
		{"struct{A,omitempty int}", "struct{A int}"},
		{"struct{A struct{B int}}", "struct{A struct{B int; C int}; D int}"},
		{"struct{A []struct{B int}}", "struct{A []struct{B int; C int}}"},
		{"struct{A map[string]struct{B int}}", "struct{A map[string]struct{B int; C int}}"},
		{"struct{A [2]struct{B int}}", "struct{A [2]struct{B int; C int}}"},
		{"struct{A int}", "struct{A *int}"},
		{"struct{A []**int}", "struct{A []int}"},
		{"*struct{A int}", "*struct{A int; B int}"},
		{"[]int", "[]*int"},
		{"list[int]", "list[*int]"},
		{"list[struct{A int}]", "list[struct{A int; B int}]"},
		{"dict[string]struct{A int}", "dict[string]struct{A int; B int}"},
		{"dict[struct{A int}]int", "dict[struct{A int}]*int"},
		{"struct{V int; Next *^1}", "struct{V int; Next *^1; More int}"},
		{"struct{V int; Next *^1}", "struct{V int; Next *struct{V int; Next *^1}}"},
		{"struct{V int; Kids []^1}", "struct{V int; Kids []*^2}"},
		{`struct{"a b" int}`, `struct{"a b" int; "c;d" pkg.Type[a/b.C,int]}`},
		{"struct{1,keyasint int}", "struct{1,keyasint int; 2,keyasint int}"},
		{"struct{A carom.Value[int64]}", "struct{A carom.Value[int64]; B carom.Lock}"},
	} {
		require.NoError(t, Compatible(c.a, c.b), "%s %s", c.a, c.b)
		require.NoError(t, Compatible(c.b, c.a), "%s %s", c.b, c.a)
	}
	for _, c := range []struct{ a, b, where, remedy string }{
		{"int64", "int32", "the element type is int64 there and int32 here", "one type"},
		{"int64", "", "is int64 there and without a type here", "one type"},
		{"int64", "*int64", "element type", "one type"}, // a copy of memory, and an encoded one
		{"[2]int64", "[2]*int64", "[]", ""},
		{"[2]int", "[3]int", "element type", ""},
		{"[]int", "[2]int", "element type", ""},
		{"any", "int", "element type", ""},
		{"struct{A int}", "struct{A string}", "A is int there and string here", "a new name"},
		{"struct{A int; B struct{C []int}}", "struct{B struct{C []string; A int}}", "B.C[] is int there and string here", "a new name"},
		{"struct{A int}", "struct{B int}", "element type", "no field"},
		{"struct{A struct{X int}}", "struct{A struct{Y int}}", "A is", "no field"},
		{"struct{A int}", "map[string]int", "element type", ""},
		{"struct{A@0 int64}8", "struct{A@0 int64; B@8 int64}16", "element type", "in memory"},
		{"struct{A@0 int64}8", "struct{A int64; B string}", "element type", "in memory"},
		{"[2]struct{A@0 int64}8", "[2]struct{A@8 int64}16", "[]", "in memory"},
		{"struct{_,toarray struct{}; A int}", "struct{_,toarray struct{}; A int; B int}", "element type", "toarray"},
		{"struct{_,toarray struct{}; A int}", "struct{A int}", "element type", "toarray"},
		{"dict[struct{A int}]int", "dict[struct{A int; B int}]int", "[key]", "keys"},
		{"map[int]int", "map[int64]int", "[key]", "keys"},
		{"dict[string]struct{A int}", "dict[string]struct{A bool; B int}", "A is int there and bool here", "a new name"},
		{"struct{1,keyasint int; A int}", "struct{1 string; 1,keyasint bool}", "1 is int there and bool here", ""},
		{"struct{A carom.Value[int64]}", "struct{A carom.Value[int32]}", "A is carom.Value[int64]", ""},
		{"struct{V int; Next *^1}", "struct{V int; Next *struct{V string}}", "Next.V is int there and string here", ""},
		{"list[int]", "dict[int]int", "element type", ""},
		{"struct{", "struct{A int}", "element type", "one type"},
		{strings.Repeat("*", 300) + "int", strings.Repeat("*", 301) + "int", "element type", ""},
	} {
		err := Compatible(c.a, c.b)
		require.ErrorIs(t, err, errs.ErrType, "%s %s", c.a, c.b)
		require.ErrorContains(t, err, c.where)
		require.ErrorContains(t, err, c.remedy)
		require.ErrorIs(t, Compatible(c.b, c.a), errs.ErrType, "%s %s", c.b, c.a)
		var d *Difference
		require.True(t, errors.As(err, &d))
		if c.remedy == "one type" {
			require.Empty(t, Detail(err))
		} else if c.remedy != "" {
			require.Equal(t, ": "+err.Error(), Detail(err))
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"plain":     "plain",
		"ünïcode":   "ünïcode",
		"a-b_c.d/e": "a-b_c.d/e",
		"":          `""`,
		"a b":       `"a b"`,
		"a;b":       `"a;b"`,
		"a,b":       `"a,b"`,
		"\xff":      `"\xff"`,
		"a\n":       `"a\n"`,
		"a]":        `"a]"`,
	} {
		require.Equal(t, want, Name(name))
		n, err := parse("struct{" + Name(name) + " int}")
		require.NoError(t, err)
		require.Equal(t, name, n.fields[0].name)
	}
	for name, want := range map[string]string{
		"pkg.T":                          "pkg.T",
		"pkg.T[int,x/y.Z[a.B]]":          "pkg.T[int,x/y.Z[a.B]]",
		"pkg.T[int]x":                    `"pkg.T[int]x"`,
		"pkg.T[a]]":                      `"pkg.T[a]]"`,
		"pkg.T[struct { A int }]":        `"pkg.T[struct { A int }]"`,
		"struct { *pkg.T; B int \"x\" }": `"struct { *pkg.T; B int \"x\" }"`,
	} {
		require.Equal(t, want, TypeName(name))
		n, err := parse("[]" + TypeName(name))
		require.NoError(t, err)
		require.Equal(t, want, n.elem.text)
	}
}

// Two types that contain themselves at many depths have as many pairs of nodes as their sizes
// multiplied.
func TestHostileTypesEnd(t *testing.T) {
	cycle := func(n int) string {
		return strings.Repeat("struct{A ", n) + "^" + strconv.Itoa(n-1) + strings.Repeat("}", n)
	}
	wide := func(n int) string {
		return "struct{" + strings.TrimSuffix(strings.Repeat("F struct{A ^1}; ", n), "; ") + "}"
	}
	start := time.Now()
	require.NoError(t, Compatible(cycle(150), cycle(151)))
	_ = Compatible(wide(3000), wide(2999))
	_ = Compatible(strings.Repeat("*", maxText-3)+"int", strings.Repeat("*", maxText-4)+"int")
	_ = Compatible(strings.Repeat("[", maxText), strings.Repeat("[", maxText-1))
	_ = Compatible("*^0", "**^1")
	require.Less(t, time.Since(start), 10*time.Second)
}

func FuzzCompatible(f *testing.F) {
	for _, s := range []string{
		"int64", "", "*^0", "[]any", "[3]bool", "map[string][]uint8", "list[struct{A int}]", "dict[string]struct{A *^1; B,omitempty \"x y\"}",
		"struct{A@0 int64; B@8 struct{C@0 bool}1}16", "struct{_,toarray struct{}; A pkg.T[int,a.B[c]]}", "struct{V int; Next *^1}", "struct{1,keyasint int}",
	} {
		f.Add(s, s+"x")
		f.Add(s, "struct{A int; B "+s+"}")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		require.NoError(t, Compatible(a, a))
		there, back := Compatible(a, b), Compatible(b, a)
		require.Equal(t, there == nil, back == nil, "%q %q", a, b)
		if there != nil {
			require.ErrorIs(t, there, errs.ErrType)
			require.NotEmpty(t, there.Error())
		}
	})
}
