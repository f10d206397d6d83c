package gen

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// pkg is a package that was read.
type pkg struct {
	files  []*ast.File
	types  *types.Package
	info   *types.Info
	broken []error // what the type checker said
}

// listed is what the go command says of a package.
type listed struct {
	ImportPath string
	Dir        string
	Export     string // file with its export data
	GoFiles    []string
	DepOnly    bool
	Error      *struct{ Err string }
}

// load reads the package in dir, but for the file output, and any that begins with header:
// what was generated before.
func load(dir, output, header string) (*pkg, error) {
	target, exports, err := list(dir)
	if err != nil {
		return nil, err
	}
	p, fset := &pkg{}, token.NewFileSet()
	for _, name := range target.GoFiles {
		path := filepath.Join(target.Dir, name)
		if same(path, output) {
			continue
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		if len(f.Comments) > 0 && f.Comments[0].List[0].Text == header {
			continue
		}
		p.files = append(p.files, f)
	}
	if len(p.files) == 0 {
		return nil, fmt.Errorf("no Go files in %s", target.Dir)
	}
	conf := types.Config{
		Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
			if exports[path] == "" {
				return nil, fmt.Errorf("package %s cannot be imported", path)
			}
			return os.Open(exports[path])
		}),
		Error: func(err error) { p.broken = append(p.broken, err) },
	}
	p.info = &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{},
		Defs: map[*ast.Ident]types.Object{}, Instances: map[*ast.Ident]types.Instance{},
	}
	p.types, _ = conf.Check(target.ImportPath, fset, p.files, p.info) // its errors are in broken
	return p, nil
}

// list asks the go command for the package in dir and for the export data of those that
// it needs.
func list(dir string) (target *listed, exports map[string]string, err error) {
	cmd := exec.Command("go", "list", "-e", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,DepOnly,Error", ".")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, nil, fmt.Errorf("go list: %w\n%s", err, &stderr)
	}
	exports = map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, nil, fmt.Errorf("go list: %w", err)
		}
		exports[l.ImportPath] = l.Export
		if !l.DepOnly {
			target = &l
		}
	}
	switch {
	case target == nil:
		return nil, nil, fmt.Errorf("no package in %s", dir)
	case len(target.GoFiles) == 0 && target.Error != nil:
		return nil, nil, errors.New(target.Error.Err)
	}
	return target, exports, nil
}

// same reports whether two paths name one file, which may not be there yet.
func same(a, b string) bool {
	a, errA := filepath.Abs(a)
	b, errB := filepath.Abs(b)
	return errA == nil && errB == nil && a == b
}
