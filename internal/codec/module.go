package codec

import (
	"runtime/debug"
	"strings"
	"sync"
)

// modules tells types of the running program's own module from those of others.
type modules struct {
	main string   // "": nothing is known, no type is taken for the program's own
	deps []string // those whose paths lie within main's
}

var theModules = sync.OnceValue(func() modules {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return modules{}
	}
	return modulesOf(info)
})

func modulesOf(info *debug.BuildInfo) modules {
	m := modules{main: info.Main.Path}
	for _, dep := range info.Deps {
		if pathWithin(m.main, dep.Path) {
			m.deps = append(m.deps, dep.Path)
		}
	}
	return m
}

// own tells whether a package, by reflection's name for it, belongs to the main module. A
// program's package main is called main, and a test's package outside of the one it tests has
// a suffix.
func (m modules) own(pkg string) bool {
	if m.main == "" {
		return false
	}
	pkg = strings.TrimSuffix(pkg, "_test")
	if pkg == "main" {
		return true
	}
	if !pathWithin(m.main, pkg) {
		return false
	}
	for _, dep := range m.deps {
		if pathWithin(dep, pkg) {
			return false
		}
	}
	return true
}

func pathWithin(module, path string) bool {
	return path == module || strings.HasPrefix(path, module+"/")
}
