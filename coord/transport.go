package coord

import (
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// transport carries frames between a client and the coordinator, in both
// directions, after the handshake. Client and server know nothing else of the
// connection, so that frames can move to another carrier, such as a pair of
// rings in shared memory, while the socket stays behind for descriptors and
// for noticing death.
type transport interface {
	// readFrame returns the body of the next frame, valid until the next call.
	// One goroutine at a time may call it.
	readFrame() ([]byte, error)
	// buffered reports whether readFrame would return without waiting.
	buffered() bool
	// interrupt makes readFrame return errInterrupted, now or next time, until
	// resume. Nothing that was read is lost.
	interrupt()
	resume()

	// add queues frames, flush has them written. Neither waits. If add reports
	// that it kept frames, the caller has lost them.
	add(frames []byte) (kept bool)
	flush()
	// drained returns once at most limit bytes wait to be written.
	drained(ctx context.Context, limit int) error
	queued() int
	// moved counts the bytes that have been read and written.
	moved() (read, written uint64)

	// close ends both directions. It returns when no goroutine of the
	// transport is left.
	close()
}

var errInterrupted = errors.New("read interrupted")

// socket is the transport over a byte stream.
type socket struct {
	conn net.Conn
	in   *frameReader
	out  *outbox
}

func newSocket(conn net.Conn, in *frameReader, stall time.Duration) *socket {
	return &socket{conn: conn, in: in, out: newOutbox(conn, stall)}
}

func (s *socket) readFrame() ([]byte, error) {
	body, err := s.in.next()
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, errInterrupted
	}
	return body, err
}

func (s *socket) buffered() bool { return s.in.buffered() }

// aLongTimeAgo is a deadline that has passed.
var aLongTimeAgo = time.Unix(1, 0)

// The errors of both mean that the connection is closed, which the next read
// reports.
func (s *socket) interrupt() { s.conn.SetReadDeadline(aLongTimeAgo) }
func (s *socket) resume()    { s.conn.SetReadDeadline(time.Time{}) }

func (s *socket) add(frames []byte) bool { return s.out.add(frames) }
func (s *socket) flush()                 { s.out.flush() }
func (s *socket) queued() int            { return s.out.queued() }
func (s *socket) drained(ctx context.Context, limit int) error {
	return s.out.wait(ctx, limit)
}

func (s *socket) moved() (read, written uint64) { return s.in.read.Load(), s.out.moved() }

func (s *socket) close() { s.out.close() }
