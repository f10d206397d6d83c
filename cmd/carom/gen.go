package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/carom-ipc/carom/cmd/carom/internal/gen"
)

// generate writes typed proxies for types that a package registers.
func generate(_ context.Context, args []string, stdout, _ io.Writer) (int, error) {
	f := newFlags("gen")
	list := f.String("type", "", "")
	output := f.String("o", "", "")
	if err := f.Parse(args); err != nil {
		return exitCannot, err
	}
	dir := "."
	switch f.NArg() {
	case 0:
	case 1:
		dir = f.Arg(0)
	default:
		return exitCannot, fmt.Errorf("unexpected argument %q", f.Arg(1))
	}
	if *list == "" {
		return exitCannot, fmt.Errorf("-type is missing")
	}
	types := strings.Split(*list, ",")
	if *output == "" {
		*output = filepath.Join(dir, strings.ToLower(types[0])+"_proxy.go")
	}
	source, err := gen.Generate(gen.Options{Dir: dir, Types: types, Output: *output})
	if err != nil {
		return exitCannot, err
	}
	if *output == "-" {
		_, err = stdout.Write(source)
		return exitOK, err
	}
	return exitOK, os.WriteFile(*output, source, 0o666)
}
