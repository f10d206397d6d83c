package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// progress keeps a line about the board's counters on a terminal until the function
// that it returns is called. Where w is no terminal it does nothing.
func progress(w io.Writer, b *board, files int) (stop func()) {
	if !isTerminal(w) {
		return func() {}
	}
	done := make(chan struct{})
	var line sync.WaitGroup
	line.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				fmt.Fprint(w, "\r\x1b[K")
				return
			case <-tick.C:
				c := b.counts()
				fmt.Fprintf(w, "\r%d of %d files, %d lines, %s\x1b[K", c.Files, files, c.Lines, readable(c.Bytes))
			}
		}
	})
	return func() {
		close(done)
		line.Wait()
	}
}

// isTerminal reports that w is a terminal: a device that has its settings. Others, such as
// /dev/null, are character devices as well.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && hasTermios(f)
}
