package gen

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"
)

// method is one that a proxy has.
type method struct {
	name    string
	doc     string // of the method itself, "" if it has none
	params  []param
	results []types.Type // without an error
	items   []types.Type // of a stream
	returns string       // typeid
}

type param struct {
	name     string
	t        types.Type // of a variadic one, the slice
	variadic bool
}

// ofRef are the methods that a proxy has from the Ref that it embeds.
var ofRef = []string{"Close", "Err", "Kind", "Manager", "Name", "MarshalCBOR", "MarshalJSON", "UnmarshalCBOR", "UnmarshalJSON"}

// methods are those that carom.Register exposes.
func (p *pkg) methods(r *registration) (all []method, err error) {
	set := types.NewMethodSet(r.served)
	found := map[string]bool{}
	for sel := range set.Methods() {
		f := sel.Obj().(*types.Func)
		sig := sel.Type().(*types.Signature)
		if !f.Exported() || len(r.exposed) > 0 && !slices.Contains(r.exposed, f.Name()) || len(r.exposed) == 0 && isCloser(f.Name(), sig) {
			continue
		}
		m, err := describe(f.Name(), sig, r.returns[f.Name()])
		if err != nil {
			if len(r.exposed) == 0 {
				continue
			}
			return nil, err
		}
		if slices.Contains(ofRef, m.name) {
			return nil, fmt.Errorf("the method %s would hide the one that every handle has: name the others with Exposed, or write the proxy by hand", m.name)
		}
		m.doc = p.doc(f)
		found[m.name] = true
		all = append(all, m)
	}
	for _, name := range r.exposed {
		if !found[name] {
			return nil, fmt.Errorf("option Exposed names %s, which is no method", name)
		}
	}
	for name := range r.returns {
		if !found[name] {
			return nil, fmt.Errorf("option Returns names %s, which is no method that is exposed", name)
		}
	}
	return all, nil
}

func isCloser(name string, sig *types.Signature) bool {
	return name == "Close" && sig.Params().Len() == 0 && sig.Results().Len() == 1 && types.Identical(sig.Results().At(0).Type(), errorType)
}

func describe(name string, sig *types.Signature, returns string) (method, error) {
	m := method{name: name, returns: returns}
	var err error
	if m.params, err = params(name, sig); err != nil {
		return m, err
	}
	for v := range sig.Results().Variables() {
		m.results = append(m.results, v.Type())
	}
	if n := len(m.results); n > 0 && types.Identical(m.results[n-1], errorType) {
		m.results = m.results[:n-1]
	}
	if returns != "" {
		return m, nil
	}
	if len(m.results) == 1 {
		m.items = stream(m.results[0])
	}
	for _, t := range m.results {
		if m.items == nil && !canLeave(t) {
			return m, fmt.Errorf("%s: a result of type %v cannot go to another process", name, t)
		}
	}
	return m, nil
}

// params are a function's parameters but for a context at the beginning.
func params(name string, sig *types.Signature) (all []param, err error) {
	n := sig.Params().Len()
	for i := range n {
		v := sig.Params().At(i)
		if i == 0 && isContext(v.Type()) {
			continue
		}
		if !canArrive(v.Type()) {
			return nil, fmt.Errorf("%s: a parameter of type %v cannot come from another process", name, v.Type())
		}
		all = append(all, param{name: v.Name(), t: v.Type(), variadic: sig.Variadic() && i == n-1})
	}
	return all, nil
}

// doc is the comment of a method of the package.
func (p *pkg) doc(f *types.Func) string {
	for _, file := range p.files {
		for _, decl := range file.Decls {
			if d, ok := decl.(*ast.FuncDecl); ok && d.Doc != nil && p.info.Defs[d.Name] == f {
				return d.Doc.Text()
			}
		}
	}
	return ""
}
