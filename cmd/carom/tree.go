package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A file is an item of the queue. Seq counts the files of the tree.
type file struct {
	Seq  int
	Path string
}

// defaultTree is the source of the Go toolchain.
func defaultTree(ctx context.Context) (string, error) {
	root := ""
	if out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output(); err == nil {
		root = strings.TrimSpace(string(out))
	}
	if root == "" {
		//lint:ignore SA1019 where there is no go command, what the build knows is the next best
		root = runtime.GOROOT()
	}
	src := filepath.Join(root, "src")
	if fi, err := os.Stat(src); root == "" || err != nil || !fi.IsDir() {
		return "", fmt.Errorf("no Go toolchain found to index the source of: name a tree with -dir")
	}
	return src, nil
}

// walk lists the files below dir in lexical order: regular ones, links to such, and
// what cannot be looked at, for whoever opens it to say why. Pipes, sockets and
// devices are left out, and links to directories are not followed.
func walk(ctx context.Context, dir string) (files []file, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case d == nil: // dir itself
			return err
		case err == nil && d.IsDir():
			return nil
		case err == nil && d.Type() == fs.ModeSymlink:
			if fi, serr := os.Stat(path); serr == nil && !fi.Mode().IsRegular() {
				return nil
			}
		case err == nil && !d.Type().IsRegular():
			return nil
		}
		files = append(files, file{Seq: len(files), Path: path})
		return nil
	})
	return files, err
}
