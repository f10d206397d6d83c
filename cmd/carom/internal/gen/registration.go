package gen

import (
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"
)

// registration is a package variable that carom.Register makes.
type registration struct {
	variable string
	typeid   string
	served   types.Type       // what has the methods
	factory  *types.Signature // nil: none
	exposed  []string
	returns  map[string]string
	noCreate bool

	proxy string // name of the proxy
}

// goName is the name of the Go type, "" if it has none.
func (r *registration) goName() string {
	t := r.served
	if ptr, ok := t.(*types.Pointer); ok {
		t = ptr.Elem()
	}
	if named, ok := types.Unalias(t).(*types.Named); ok {
		return named.Obj().Name()
	}
	return ""
}

// registrations finds the variables of the package.
func (p *pkg) registrations() (all []*registration, err error) {
	for _, f := range p.files {
		for _, decl := range f.Decls {
			vars, ok := decl.(*ast.GenDecl)
			if !ok || vars.Tok != token.VAR {
				continue
			}
			for _, spec := range vars.Specs {
				s := spec.(*ast.ValueSpec)
				for i, v := range s.Values {
					call, ok := v.(*ast.CallExpr)
					if !ok || i >= len(s.Names) || s.Names[i].Name == "_" || p.called(call.Fun) != "Register" {
						continue
					}
					r, err := p.registration(s.Names[i].Name, call)
					if err != nil {
						return nil, fmt.Errorf("%s: %w", s.Names[i].Name, errors.Join(append([]error{err}, p.broken...)...))
					}
					all = append(all, r)
				}
			}
		}
	}
	return all, nil
}

// called is the name of carom's function that an expression calls, "" for any other.
func (p *pkg) called(fun ast.Expr) string {
	if id := identOf(fun); id != nil {
		if f, ok := p.info.Uses[id].(*types.Func); ok && f.Pkg() != nil && f.Pkg().Path() == caromPath {
			return f.Name()
		}
	}
	return ""
}

// identOf is the function's name in f, pkg.f, f[T] and pkg.f[T].
func identOf(fun ast.Expr) *ast.Ident {
	switch e := ast.Unparen(fun).(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return e.Sel
	case *ast.IndexExpr:
		return identOf(e.X)
	}
	return nil
}

func (p *pkg) registration(variable string, call *ast.CallExpr) (*registration, error) {
	r := &registration{variable: variable, returns: map[string]string{}}
	targs := p.info.Instances[identOf(call.Fun)].TypeArgs
	if targs == nil || targs.Len() != 1 || len(call.Args) < 2 {
		return nil, errors.New("it cannot be understood")
	}
	r.served = targs.At(0)
	switch r.served.Underlying().(type) {
	case *types.Pointer, *types.Interface:
	default:
		r.served = types.NewPointer(r.served)
	}
	var err error
	if r.typeid, err = p.text(call.Args[0]); err != nil {
		return nil, err
	}
	if t := p.info.TypeOf(call.Args[1]); t != nil {
		r.factory, _ = t.Underlying().(*types.Signature)
	}
	for _, arg := range call.Args[2:] {
		if err := p.option(r, arg); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (p *pkg) option(r *registration, arg ast.Expr) error {
	call, ok := arg.(*ast.CallExpr)
	if !ok {
		return errors.New("an option is not a call of one of carom's functions")
	}
	var texts []string
	for _, a := range call.Args {
		s, err := p.text(a)
		if err != nil {
			return err
		}
		texts = append(texts, s)
	}
	switch name := p.called(call.Fun); {
	case name == "Exposed":
		r.exposed = append(r.exposed, texts...)
	case name == "Returns" && len(texts) == 2:
		r.returns[texts[0]] = texts[1]
	case name == "NoCreate":
		r.noCreate = true
	case name == "Concurrent": // is nothing to a proxy
	default:
		return errors.New("an option is not a call of one of carom's functions")
	}
	return nil
}

// text is the value of a constant string.
func (p *pkg) text(e ast.Expr) (string, error) {
	v := p.info.Types[e].Value
	if v == nil || v.Kind() != constant.String {
		return "", errors.New("a name is not a constant string")
	}
	return constant.StringVal(v), nil
}

// name chooses the name of a proxy: the typeid, or where that is taken, with "Proxy" added.
func (p *pkg) name(r *registration) error {
	r.proxy = r.typeid
	if p.types.Scope().Lookup(r.proxy) != nil {
		r.proxy += "Proxy"
	}
	if !token.IsIdentifier(r.proxy) {
		return fmt.Errorf("the typeid %q is no Go identifier", r.typeid)
	}
	names := []string{r.proxy, "Open" + title(r.proxy)}
	if !r.noCreate {
		names = append(names, "New"+title(r.proxy))
	}
	for _, name := range names {
		if p.types.Scope().Lookup(name) != nil {
			return fmt.Errorf("%s: the package declares %s already, which would be the proxy's", r.typeid, name)
		}
	}
	return nil
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
