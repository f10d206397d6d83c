package tests

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// storing are the functions of package atom that change shared memory.
var storing = []string{"Store", "CAS", "Swap", "Add", "Or", "And", "Put", "Copy", "Clear", "Publish"}

// crashPoints lists every call of a storing function of package atom in a directory,
// as "dir/file.go:line", with the line's text.
func crashPoints(t *testing.T, dirs ...string) map[string]string {
	points := map[string]string{}
	eachCrashPoint(t, dirs, func(point, text, _ string) { points[point] = text })
	return points
}

// eachCrashPoint calls f with each crash point, the line's text, and the function that it
// stands in: "" outside of any.
func eachCrashPoint(t *testing.T, dirs []string, f func(point, text, function string)) {
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			src, err := os.ReadFile(file)
			require.NoError(t, err)
			parsed, err := parser.ParseFile(set, file, src, 0)
			require.NoError(t, err)
			lines := strings.Split(string(src), "\n")
			for _, decl := range parsed.Decls {
				function := ""
				if fn, ok := decl.(*ast.FuncDecl); ok {
					function = fn.Name.Name
				}
				ast.Inspect(decl, func(n ast.Node) bool {
					if call, ok := n.(*ast.CallExpr); ok && isStore(call) {
						at := set.Position(call.Pos())
						f(fmt.Sprintf("%s/%s:%d", dir, filepath.Base(file), at.Line), strings.TrimSpace(lines[at.Line-1]), function)
					}
					return true
				})
			}
		}
	}
}

func isStore(call *ast.CallExpr) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	if pkg, ok := sel.X.(*ast.Ident); !ok || pkg.Name != "atom" {
		return false
	}
	for _, name := range storing {
		if strings.HasPrefix(sel.Sel.Name, name) {
			return true
		}
	}
	return false
}
