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
			f, err := parser.ParseFile(set, file, src, 0)
			require.NoError(t, err)
			lines := strings.Split(string(src), "\n")
			ast.Inspect(f, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && isStore(call) {
					at := set.Position(call.Pos())
					points[fmt.Sprintf("%s/%s:%d", dir, filepath.Base(file), at.Line)] = strings.TrimSpace(lines[at.Line-1])
				}
				return true
			})
		}
	}
	return points
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
