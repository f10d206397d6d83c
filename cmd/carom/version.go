package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

func version(_ context.Context, args []string, stdout, _ io.Writer) (int, error) {
	if err := parse(newFlags("version"), args); err != nil {
		return exitCannot, err
	}
	_, err := fmt.Fprintf(stdout, "carom %s %s %s/%s\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return exitOK, err
}

// buildVersion is what the build recorded of the module or of its checkout.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
