package coord

import (
	"context"
	"fmt"
	"sync"

	"github.com/carom-ipc/carom/internal/errs"
)

// openStream is a stream that a session has started and not finished.
type openStream struct {
	obj    *object // whose method gave it; nil for the coordinator's own
	handle uint64  // by which; 0
	method string
	blocks bool
	stream Stream

	turn sync.Mutex // Next is not concurrent
	once sync.Once
}

func (o *openStream) close() { o.once.Do(o.stream.Close) }

// advance is the stream's Next, whose panic it survives.
func (o *openStream) advance(ctx context.Context, srv *Server, dst []byte) (out []byte, more bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			kind := ""
			if o.obj != nil {
				kind = o.obj.kind
			}
			err = srv.panicked(kind, o.method, p)
		}
	}()
	return o.stream.Next(ctx, dst)
}

// keepStream keeps st and returns its id.
func (s *Session) keepStream(st *openStream) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return 0, errs.ErrClosed
	}
	if len(s.streams) >= s.srv.limits.Streams {
		return 0, fmt.Errorf("%w: the session has %d streams open, which is the limit", errs.ErrTooLarge, len(s.streams))
	}
	s.lastID++
	s.streams[s.lastID] = st
	return s.lastID, nil
}

func (s *Session) stream(id uint64) (*openStream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.streams[id]; st != nil {
		return st, nil
	}
	return nil, fmt.Errorf("%w: the session has no stream %d", errs.ErrNotFound, id)
}

func (s *Session) closeStream(id uint64) {
	s.mu.Lock()
	st := s.streams[id]
	delete(s.streams, id)
	s.mu.Unlock()
	if st != nil {
		st.close()
	}
}

// endStreams closes the streams that somebody may be waiting for.
func (s *Session) endStreams() {
	s.mu.Lock()
	var waiting []*openStream
	for _, st := range s.streams {
		if st.blocks {
			waiting = append(waiting, st)
		}
	}
	s.mu.Unlock()
	for _, st := range waiting {
		st.close()
	}
}

// pull appends two items to dst, whether there is more and a batch. A stream that has ended or failed is
// forgotten; one whose pull was cancelled too, because what it had taken out
// may never have arrived.
func (s *Session) pull(ctx context.Context, id uint64, st *openStream, dst []byte) ([]byte, error) {
	st.turn.Lock()
	defer st.turn.Unlock()
	flag := len(dst)
	dst, more, err := st.advance(ctx, s.srv, AppendBool(dst, true))
	if err == nil && more {
		return dst, nil
	}
	s.closeStream(id)
	if err != nil {
		return dst, err
	}
	dst[flag] = cborFalse
	return dst, nil
}

// listStream gives items that are there already, in batches.
type listStream[T any] struct {
	items []T
	add   func(dst []byte, item T) []byte
	width int // CBOR items that add appends
	batch int // bytes that only a single item may exceed
	done  func()
}

// batchBytes is what streams and scans aim at for one reply: small enough to
// be interleaved with other replies, large enough to make round trips rare.
const batchBytes = 256 << 10

// Batch is the bytes of items that one reply of a stream should not exceed,
// unless with a single item: that fits into a frame, as it came in one, and
// others beside it need not.
func (s *Session) Batch() int { return min(batchBytes, s.srv.limits.Frame/2) }

func (l *listStream[T]) Next(_ context.Context, dst []byte) ([]byte, bool, error) {
	n, bytes := 0, []byte(nil)
	for n < len(l.items) && (n == 0 || len(bytes) < l.batch) {
		longer := l.add(bytes, l.items[n])
		if n > 0 && len(longer) > l.batch {
			break
		}
		bytes = longer
		n++
	}
	clear(l.items[:n]) // so that what was delivered can be freed
	l.items = l.items[n:]
	return append(AppendArray(dst, n*l.width), bytes...), len(l.items) > 0, nil
}

func (l *listStream[T]) Close() {
	if l.done != nil {
		l.done()
	}
}
