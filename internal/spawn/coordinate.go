package spawn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// Coordinate is the main of a coordinator that was launched: it serves until the process
// that launched it goes, or tells it to stop. serve returns when the arena is served at
// addr; stop drains until its context ends.
func Coordinate(serve func(s Start, arena *os.File) (addr string, stop func(context.Context) error, err error)) error {
	go drain(terminated)
	go showStacks(quit)
	control, arena := inheritControl(), InheritArena()
	start, err := receiveStart(control)
	if err != nil {
		return fmt.Errorf("carom: a coordinator was not told what to do, the process that launched it is gone: %w", err)
	}
	addr, stop, err := serve(start, arena)
	if err != nil {
		return errors.Join(err, send(control, errorMessage(err)))
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := send(control, message{Kind: kindReady, Text: addr}); err != nil {
		return stop(ctx)
	}
	if m, err := receiveMessage(control); err == nil && m.Kind == kindStop {
		// Drain, but not beyond the one who asked.
		go func() { _, _ = io.Copy(io.Discard, control); cancel() }()
	} else {
		cancel()
	}
	return stop(ctx)
}

// showStacks prints what all goroutines do, each time that it is asked: the user reads
// there why the coordinator does not answer.
func showStacks(asked <-chan os.Signal) {
	for range asked {
		b := make([]byte, 64<<10)
		n := runtime.Stack(b, true)
		for n == len(b) && n < 64<<20 {
			b = make([]byte, 2*len(b))
			n = runtime.Stack(b, true)
		}
		fmt.Fprintf(os.Stderr, "SIGQUIT: goroutines of the coordinator, process %d\n\n%s\n", os.Getpid(), b[:n])
	}
}
