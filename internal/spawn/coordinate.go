package spawn

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
)

// Coordinate is the main of a coordinator that was launched: it serves until the process
// that launched it goes, or tells it to stop. serve returns when the arena is served at
// addr; stop drains until its context ends.
func Coordinate(serve func(s Start, arena *os.File) (addr string, stop func(context.Context) error, err error)) error {
	signal.Ignore(os.Interrupt) // it is for the program, which then stops the coordinator
	control, arena := inheritControl(), InheritArena()
	var start Start
	if err := receive(control, &start); err != nil {
		return err
	}
	addr, stop, err := serve(start, arena)
	if err != nil {
		return errors.Join(err, send(control, errorMessage(kindError, err)))
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
