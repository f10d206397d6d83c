package gen

import (
	"bytes"
	"fmt"
	"go/types"
	"slices"
	"strings"
	"text/template"
)

// writer makes the text of a file.
type writer struct {
	pkg     *pkg
	proxies []*registration
	imports map[string]string // name by path
	taken   map[string]bool   // names of imports
	body    bytes.Buffer
}

// use imports a package and returns the name that it has in the file.
func (w *writer) use(path, name string) string {
	if have, ok := w.imports[path]; ok {
		return have
	}
	unique := name
	for n := 2; w.taken[unique] || w.pkg.types.Scope().Lookup(unique) != nil; n++ {
		unique = fmt.Sprint(name, n)
	}
	w.imports[path], w.taken[unique] = unique, true
	return unique
}

func (w *writer) writeImports(to *bytes.Buffer) {
	var lines []string
	for path, name := range w.imports {
		line := fmt.Sprintf("%q", path)
		if name != path[strings.LastIndex(path, "/")+1:] {
			line = name + " " + line
		}
		lines = append(lines, line)
	}
	slices.SortFunc(lines, func(a, b string) int {
		if std := strings.Contains(a, "."); std != strings.Contains(b, ".") {
			if std {
				return 1
			}
			return -1
		}
		return strings.Compare(a, b)
	})
	to.WriteString("import (\n")
	for i, line := range lines {
		if i > 0 && strings.Contains(line, ".") && !strings.Contains(lines[i-1], ".") {
			to.WriteString("\n")
		}
		to.WriteString("\t" + line + "\n")
	}
	to.WriteString(")\n\n")
}

// name is a type as it is written in the file.
func (w *writer) name(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string {
		if p == w.pkg.types {
			return ""
		}
		return w.use(p.Path(), p.Name())
	})
}

var texts = template.Must(template.New("proxy").Parse(`
{{- define "head"}}
// {{.Proxy}} is the handle of a {{.Typeid}}, an object in the coordinator.
type {{.Proxy}} struct{ {{.Carom}}.Ref }
{{if .Create}}
// {{.New}} makes sure that there is a {{.Typeid}} called name, and opens it.
func {{.New}}(m *{{.Carom}}.Manager, name string{{.Params}}) ({{.Proxy}}, error) {
{{- .Collect}}
	ref, err := {{.Variable}}.New(m, name{{.Args}})
	return {{.Proxy}}{ref}, err
}
{{end}}
// {{.Open}} opens the {{.Typeid}} called name.
func {{.Open}}(m *{{.Carom}}.Manager, name string) ({{.Proxy}}, error) {
	ref, err := {{.Variable}}.Open(m, name)
	return {{.Proxy}}{ref}, err
}
{{end}}
{{- define "method"}}
{{.Doc}}func (p {{.Proxy}}) {{.Name}}(ctx {{.Context}}.Context{{.Params}}) {{.Results}} {
{{- .Collect}}
	{{.Return}}
}
{{end}}`))

func (w *writer) put(text string, f map[string]any) error {
	return texts.ExecuteTemplate(&w.body, text, f)
}

// proxy writes a type with its constructors and methods.
func (w *writer) proxy(r *registration) error {
	carom := w.use(caromPath, "carom")
	var list []param
	if !r.noCreate {
		if r.factory == nil {
			return fmt.Errorf("the factory is no function")
		}
		var err error
		if list, err = params("the factory", r.factory); err != nil {
			return err
		}
	}
	declared, collect, args := w.arguments(list, "m", "name", "ref", "err")
	err := w.put("head", map[string]any{
		"Proxy": r.proxy, "Typeid": r.typeid, "Variable": r.variable, "Carom": carom, "Create": !r.noCreate,
		"New": "New" + title(r.proxy), "Open": "Open" + title(r.proxy), "Params": declared, "Collect": collect, "Args": args,
	})
	if err != nil {
		return err
	}
	methods, err := w.pkg.methods(r)
	if err != nil {
		return err
	}
	for _, m := range methods {
		if err := w.method(r, m); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) method(r *registration, m method) error {
	carom := w.use(caromPath, "carom")
	for _, t := range slices.Concat(m.results, m.items) {
		if m.returns == "" && m.items == nil || slices.Contains(m.items, t) {
			w.name(t) // imports before parameters, which must not hide them
		}
	}
	declared, collect, args := w.arguments(m.params, "p", "ctx", "r", "err")
	call := func(function, result string) string {
		if result != "" {
			result = "[" + result + "]"
		}
		return fmt.Sprintf("%s.%s%s(ctx, p.Ref, %q%s)", carom, function, result, m.name, args)
	}
	var results, body string
	switch {
	case m.returns != "":
		t := w.handle(m.returns)
		results, body = "("+t+", error)", "return "+call("Call", t)
	case len(m.items) > 0:
		t := w.tuple(m.items)
		results, body = fmt.Sprintf("%s.Seq2[%s, error]", w.use("iter", "iter"), t), "return "+call("Iterate", t)
	case len(m.results) == 0:
		results, body = "error", "return "+call("Invoke", "")
	case len(m.results) == 1:
		t := w.name(m.results[0])
		results, body = "("+t+", error)", "return "+call("Call", t)
	case len(m.results) == 2:
		results = fmt.Sprintf("(%s, %s, error)", w.name(m.results[0]), w.name(m.results[1]))
		body = "r, err := " + call("Call", w.tuple(m.results)) + "\n\treturn r.Key, r.Value, err"
	default:
		return fmt.Errorf("%s has %d results: return a struct", m.name, len(m.results))
	}
	doc := fmt.Sprintf("// %s calls the method of the object.\n", m.name)
	if m.doc != "" {
		doc = "// " + strings.ReplaceAll(strings.TrimSpace(m.doc), "\n", "\n// ") + "\n"
	}
	return w.put("method", map[string]any{
		"Proxy": r.proxy, "Name": m.name, "Doc": doc, "Context": w.use("context", "context"),
		"Params": declared, "Collect": collect, "Results": results, "Return": body,
	})
}

// handle is what a method returns for an object of typeid.
func (w *writer) handle(typeid string) string {
	for _, r := range w.proxies {
		if r.typeid == typeid {
			return r.proxy
		}
	}
	return w.use(caromPath, "carom") + ".Ref"
}

// tuple is one type, or a pair of two.
func (w *writer) tuple(list []types.Type) string {
	if len(list) == 1 {
		return w.name(list[0])
	}
	return fmt.Sprintf("%s.Pair[%s, %s]", w.use(caromPath, "carom"), w.name(list[0]), w.name(list[1]))
}

// arguments are the parameters of a function, and how it passes them on; taken are names
// that it has for something else.
func (w *writer) arguments(list []param, taken ...string) (declared, collect, args string) {
	var names []string
	for _, p := range list {
		w.name(p.t)
	}
	for i, p := range list {
		name := p.name
		if name == "" || name == "_" {
			name = fmt.Sprint("arg", i+1)
		}
		for slices.Contains(taken, name) || w.taken[name] || types.Universe.Lookup(name) != nil || w.pkg.types.Scope().Lookup(name) != nil {
			name += "_"
		}
		taken, names = append(taken, name), append(names, name)
		if !p.variadic {
			declared += ", " + name + " " + w.name(p.t)
			args += ", " + name
			continue
		}
		declared += ", " + name + " ..." + w.name(p.t.Underlying().(*types.Slice).Elem())
		all := "args"
		for slices.Contains(taken, all) || w.pkg.types.Scope().Lookup(all) != nil {
			all += "_"
		}
		collect = fmt.Sprintf("\n\t%s := []any{%s}\n\tfor _, arg := range %s {\n\t\t%s = append(%s, arg)\n\t}", all, strings.Join(names[:i], ", "), name, all, all)
		args = ", " + all + "..."
	}
	return declared, collect, args
}
