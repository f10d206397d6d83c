package coord

import (
	"context"
	"io"
	"iter"
	"sync/atomic"
)

// ClientStream is a stream that a method gave, in batches that are pulled. It
// must be closed, unless it has ended. Only Close may be called concurrently.
type ClientStream struct {
	c     *Client
	gen   uint64 // the session that it belongs to
	id    uint64
	batch []byte // the next one; nil: to be asked for
	more  bool   // after batch
	err   error
	ended atomic.Bool // nothing is left at the coordinator to be closed
}

// Stream starts a method of the object behind handle whose result is a
// stream. args is the CBOR array of its arguments. Errors are those of Call.
func (c *Client) Stream(ctx context.Context, handle uint64, method string, args []byte) (*ClientStream, error) {
	return c.StreamIn(ctx, c.Generation(), handle, method, args)
}

// StreamIn is Stream in a certain session, of which handle is: ErrStale in any
// other.
func (c *Client) StreamIn(ctx context.Context, generation, handle uint64, method string, args []byte) (*ClientStream, error) {
	out := AppendArray(nil, 3)
	out = AppendUint(out, handle)
	out = AppendText(out, method)
	out, err := c.Do(ctx, Request{Method: "stream", Args: append(out, args...), Session: generation, Late: c.endLate(generation)}, nil)
	if err != nil {
		return nil, err
	}
	r := NewReader(out)
	r.Args(3)
	s := &ClientStream{c: c, gen: generation, id: r.Uint(), more: r.Bool()}
	s.ended.Store(!s.more)
	if !r.Null() {
		s.batch = r.Raw()
	}
	return s, r.Err()
}

// endLate ends a stream that was started when its caller had left: what it holds at the
// coordinator would stay held for as long as the session.
func (c *Client) endLate(generation uint64) func(started []byte) {
	return func(started []byte) {
		r := NewReader(started)
		r.Args(3)
		if id, more := r.Uint(), r.Bool(); more && r.Err() == nil {
			c.endStream(generation, id)
		}
	}
}

// Next returns the next batch, one CBOR item, and io.EOF after the last. Any
// error is the end of the stream: what was on its way is lost with it.
func (s *ClientStream) Next(ctx context.Context) ([]byte, error) {
	if s.batch != nil {
		batch := s.batch
		s.batch = nil
		return batch, nil
	}
	if s.err == nil && !s.more {
		s.err = io.EOF
	}
	if s.err != nil {
		return nil, s.err
	}
	var out []byte
	out, s.err = s.c.Do(ctx, Request{Method: "next", Args: AppendUint(AppendArray(nil, 1), s.id), Session: s.gen}, nil)
	if s.err != nil {
		return nil, s.err
	}
	r := NewReader(out)
	r.Args(2)
	if s.more = r.Bool(); !s.more {
		s.ended.Store(true)
	}
	batch := r.Raw()
	s.err = r.Err()
	return batch, s.err
}

// All ranges over the batches that are left. It ends after the first error,
// which is not io.EOF.
func (s *ClientStream) All(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for {
			batch, err := s.Next(ctx)
			if err == io.EOF {
				return
			}
			if !yield(batch, err) || err != nil {
				return
			}
		}
	}
}

// Close tells the coordinator that the stream is not wanted any more. It does
// not wait for it. A Next that is waiting fails with ErrClosed or ErrNotFound.
func (s *ClientStream) Close() {
	if !s.ended.Swap(true) {
		s.c.endStream(s.gen, s.id)
	}
}

// streamEnd is an "end", which has no reply. It has arrived when a request that
// was made later has.
type streamEnd struct {
	stream uint64
	after  uint64 // id of the last request before
}

func (c *Client) endStream(generation, id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil || generation != c.generation {
		return // it has ended already
	}
	c.ends = append(c.ends, streamEnd{id, c.lastID})
	if c.link != nil {
		c.link.notify("end", AppendUint(AppendArray(nil, 1), id))
		c.link.t.flush()
	}
}
