package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/carom-ipc/carom"
)

// A process that died a moment ago is being cleaned up after: what doctor reports
// was there each time it looked.
const (
	looks    = 4
	interval = 100 * time.Millisecond
)

func doctor(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	m, err := connect(ctx, "doctor", args, stderr)
	if err != nil {
		return exitCannot, err
	}
	defer m.Close()
	found, err := findings(ctx, m.Check)
	if errors.Is(err, carom.ErrCorrupt) {
		found, err = append(found, err.Error()), nil
	}
	if err != nil {
		return exitCannot, err
	}
	if len(found) == 0 {
		s := m.Stats()
		fmt.Fprintf(stdout, "sound: %d objects, %s in use, %d deaths cleaned up after\n", s.Objects, readable(s.Used), s.Recoveries)
		return exitOK, nil
	}
	for _, what := range found {
		fmt.Fprintln(stdout, what)
	}
	fmt.Fprintf(stdout, "%d findings\n", len(found))
	return exitFindings, nil
}

// findings are what the checker says in every one of several looks.
func findings(ctx context.Context, check func(context.Context) ([]string, error)) (found []string, err error) {
	for look := range looks {
		now, err := check(ctx)
		if err != nil {
			return nil, err
		}
		if look == 0 {
			found = now
		}
		found = slices.DeleteFunc(found, func(s string) bool { return !slices.Contains(now, s) })
		if len(found) == 0 {
			return nil, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(interval):
		}
	}
	return found, nil
}
