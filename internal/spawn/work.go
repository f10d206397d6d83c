package spawn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/carom-ipc/carom/internal/endpoint"
	"github.com/carom-ipc/carom/internal/errs"
)

// Tie is what a worker has to do with its manager.
type Tie struct {
	// Gone waits until the manager is gone for all, and says why, in one of this package's
	// errors.
	Gone func() error
	// Closed tells whether somebody closed the manager.
	Closed func() bool
	// Dismiss tells the workers of this worker that the manager was closed.
	Dismiss func()
}

// work is a worker process at work.
type work struct {
	control *os.File
	start   Start
	ctx     context.Context
	cancel  context.CancelCauseFunc
	told    chan struct{} // closed when the starter said something, or is gone
	last    sync.Once     // word
}

// Work is a worker's main: it runs the function that the starter named, with a context
// that ends when the starter or the manager goes, when the starter says so, or with SIGTERM.
// join attaches this process to the manager. Work ends the process, or returns an error if
// nobody is there to hear it.
func Work(join func(Start) (Tie, error)) error {
	w := &work{control: inheritControl(), told: make(chan struct{})}
	w.ctx, w.cancel = context.WithCancelCause(context.Background())
	go drain(quit)
	go func() {
		for range terminated {
			w.cancel(errTerminated)
		}
	}()
	var err error
	if w.start, err = receiveStart(w.control); err != nil {
		return fmt.Errorf("carom: a worker was not told what to do, the process that started it is gone: %w", err)
	}
	f, ok := workers.Load(w.start.Name)
	if !ok {
		w.leave(fmt.Errorf("no worker called %q in %s: workers are package variables: %w", w.start.Name, os.Args[0], errs.ErrNotFound))
	}
	tie, err := join(w.start)
	if err != nil {
		w.leave(err)
	}
	go w.listen(tie)
	go w.watch(tie)
	w.run(f.(*entry).f)
	return nil
}

// run makes errors of a panic and of a function that ends its goroutine, which is main's.
func (w *work) run(f Func) {
	err := errors.New("its function called runtime.Goexit, as FailNow of package testing does")
	defer func() {
		switch p := recover().(type) {
		case nil:
		case error:
			err = fmt.Errorf("panic: %w\n\n%s", p, debug.Stack())
		default:
			err = fmt.Errorf("panic: %v\n\n%s", p, debug.Stack())
		}
		w.leave(err)
	}()
	args := w.start.Args
	w.start.Args = nil // may go when they are decoded
	err = f(w.ctx, args)
}

// listen hears what the starter has to say.
func (w *work) listen(tie Tie) {
	m, err := receiveMessage(w.control)
	cause := ErrParentGone
	switch {
	case err == nil && m.Kind == kindEnd:
		cause = &because{errContextEnded.Error() + ": " + m.Text, errContextEnded}
	case err == nil, tie.Closed(): // who closes the manager may be gone before this process looks
		cause = ErrManagerClosed
		defer tie.Dismiss()
	}
	w.end(cause)
	close(w.told)
}

// hearsay is how long the starter has to say why the coordinator is gone.
const hearsay = 100 * time.Millisecond

// watch waits until the manager is gone.
func (w *work) watch(tie Tie) {
	cause := tie.Gone()
	if cause == ErrCoordinatorGone {
		select {
		case <-w.told:
			return
		case <-time.After(hearsay):
		}
	}
	w.end(cause)
}

// end ends the worker's context, and the process if it does not heed that.
func (w *work) end(cause error) {
	w.cancel(cause)
	time.AfterFunc(grace, func() {
		w.leave(fmt.Errorf("it did not return within %v of its context's end: %w", grace, cause))
	})
}

// leave says the last word and ends the process. A starter that is gone hears nothing.
func (w *work) leave(err error) {
	w.last.Do(func() {
		word, status := message{Kind: kindResult}, 0
		if err != nil {
			word, status = lastWord(w.ctx, err), 1
		}
		_ = send(w.control, word)
		if errors.Is(context.Cause(w.ctx), ErrParentGone) {
			endpoint.RemoveSocket(w.start.Addr, grace) // the coordinator goes too, and may be killed before it removes it
		}
		os.Exit(status)
	})
}

// lastWord says an error, and whether it comes of the end of ctx and so of what ended that.
func lastWord(ctx context.Context, err error) message {
	m := errorMessage(err)
	cause := context.Cause(ctx)
	switch {
	case cause == nil:
	case errors.Is(err, cause):
		m.Cause = causeName(cause)
	case err == context.Canceled:
		m = errorMessage(cause)
		m.Cause = causeName(cause)
	case errors.Is(err, context.Canceled):
		m.Text += ": " + cause.Error()
		m.Cause = causeName(cause)
	}
	return m
}
