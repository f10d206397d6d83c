package coord

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/carom-ipc/carom/internal/errs"
)

// outbox gathers frames and writes them with as few system calls as it can:
// whoever flushes while nobody writes, writes for all. A flush never blocks.
// What the kernel does not take at once is left to a goroutine that lives
// until it has gone, so neither a caller with a context nor a connection's
// reader is ever stuck behind a peer that does not read.
type outbox struct {
	conn  net.Conn
	try   func([]byte) (int, error) // writes what the kernel takes without waiting; nil: not possible here
	stall time.Duration             // a peer that takes nothing for that long is cut off; 0: never

	mu      sync.Mutex
	pending []byte // frames that no writer has taken yet
	spare   []byte // the buffer of the last write, to be used again
	writing bool
	written uint64        // bytes, ever
	backlog int           // bytes in the hands of the background writer
	room    chan struct{} // closed when there is less to write; nil: nobody waits
	err     error
	writers sync.WaitGroup
}

func newOutbox(conn net.Conn, stall time.Duration) *outbox {
	return &outbox{conn: conn, try: tryWriter(conn), stall: stall}
}

// add queues complete frames. Without a flush they may stay where they are. It
// reports whether it kept frames itself rather than a copy, which it does with
// large ones: the caller must not touch them again then.
func (o *outbox) add(frames []byte) (kept bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.err != nil:
		return false
	case len(frames) > keepBuffer && len(o.pending) == 0:
		o.pending = frames
		return true
	}
	o.pending = append(o.pending, frames...)
	return false
}

// flush sees to it that all that is queued gets written.
func (o *outbox) flush() {
	o.mu.Lock()
	if o.writing {
		o.mu.Unlock()
		return
	}
	o.writing = true
	for len(o.pending) > 0 && o.err == nil {
		batch := o.take()
		n, err := 0, error(nil)
		if o.try != nil {
			o.mu.Unlock()
			n, err = o.try(batch)
			o.mu.Lock()
		}
		if err != nil {
			o.fail(err)
			break
		}
		o.written += uint64(n)
		if n < len(batch) {
			o.backlog = len(batch) - n
			o.writers.Add(1)
			go o.finish(batch, n)
			o.mu.Unlock()
			return
		}
		o.keep(batch)
	}
	o.writing = false
	o.mu.Unlock()
}

// finish is the background writer: it writes the rest of batch and all that
// was queued meanwhile.
func (o *outbox) finish(batch []byte, done int) {
	defer o.writers.Done()
	for {
		err := o.writeAll(batch[done:])
		o.mu.Lock()
		if err != nil {
			o.fail(err)
		}
		o.keep(batch)
		if len(o.pending) == 0 || o.err != nil {
			o.writing = false
			o.mu.Unlock()
			return
		}
		batch, done = o.take(), 0
		o.backlog = len(batch)
		o.mu.Unlock()
	}
}

// writeAll blocks until b is written. Progress, however slow, keeps it going.
func (o *outbox) writeAll(b []byte) error {
	if o.stall > 0 {
		defer o.conn.SetWriteDeadline(time.Time{}) // it would fail a later try as well
	}
	for {
		if o.stall > 0 {
			if err := o.conn.SetWriteDeadline(time.Now().Add(o.stall)); err != nil {
				return err
			}
		}
		n, err := o.conn.Write(b)
		b = b[n:]
		o.mu.Lock()
		o.backlog -= n
		o.written += uint64(n)
		o.wake()
		o.mu.Unlock()
		if len(b) == 0 || (err != nil && (n == 0 || !errors.Is(err, os.ErrDeadlineExceeded))) {
			return err
		}
	}
}

// wait returns when at most limit bytes are queued, or with the error of ctx
// or of the connection.
func (o *outbox) wait(ctx context.Context, limit int) error {
	for {
		o.mu.Lock()
		if o.err != nil || len(o.pending)+o.backlog <= limit {
			err := o.err
			o.mu.Unlock()
			return err
		}
		if o.room == nil {
			o.room = make(chan struct{})
		}
		room := o.room
		o.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// queued is the number of bytes that the kernel has not taken yet.
func (o *outbox) queued() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.pending) + o.backlog
}

// moved is the number of bytes that the kernel has taken, ever.
func (o *outbox) moved() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.written
}

// close ends all writing and waits for the background writer.
func (o *outbox) close() {
	o.mu.Lock()
	o.fail(errs.ErrClosed)
	o.mu.Unlock()
	o.writers.Wait()
}

// fail ends the connection: its reader learns of it from the connection
// itself. What a peer that has left said before, a goodbye perhaps, is still
// there to be read. o.mu is held.
func (o *outbox) fail(err error) {
	if o.err == nil {
		o.err = err
	}
	o.pending, o.backlog = nil, 0
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		o.conn.Close()
	}
	o.wake()
}

func (o *outbox) take() []byte {
	batch := o.pending
	o.pending, o.spare = o.spare[:0], nil
	return batch
}

// keep makes batch's memory the next buffer, unless it is unusually large.
func (o *outbox) keep(batch []byte) {
	if cap(batch) <= keepBuffer {
		o.spare = batch[:0]
	}
	o.wake()
}

func (o *outbox) wake() {
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
}
