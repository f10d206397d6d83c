package coord

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/carom-ipc/carom/internal/errs"
)

// A frame is a length of four bytes, big-endian, and a body of that length:
// one CBOR item.
const frameHead = 4

const (
	readBuffer   = 4 << 10  // of a connection that has only seen small frames
	keepBuffer   = 64 << 10 // the most that an idle connection holds on to
	handshakeMax = 4 << 10  // body of a frame from a peer that nobody knows yet
)

// beginFrame starts a frame at the end of dst; endFrame completes it.
func beginFrame(dst []byte) []byte { return append(dst, 0, 0, 0, 0) }

// endFrame fills in the length of the frame that begins at start.
func endFrame(dst []byte, start, limit int) ([]byte, error) {
	n := len(dst) - start - frameHead
	if n > limit {
		return dst, fmt.Errorf("%w: a frame of %d bytes, the limit is %d", errs.ErrTooLarge, n, limit)
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(n))
	return dst, nil
}

// frameReader cuts a byte stream into frames. One call of Read usually brings
// many of them. An error of the underlying reader loses nothing: the bytes of
// an incomplete frame are kept, and next may be called again.
type frameReader struct {
	r          io.Reader
	read       atomic.Uint64 // bytes
	limit      int           // of a body, checked before anything is allocated
	buf        []byte
	start, end int // buf[start:end] is read and not yet returned
}

func newFrameReader(r io.Reader, limit int) *frameReader {
	return &frameReader{r: r, limit: limit}
}

// next returns the body of the next frame. It is valid until the call after.
func (f *frameReader) next() ([]byte, error) {
	for {
		body, need, err := f.cut()
		if body != nil || err != nil {
			return body, err
		}
		f.makeRoom(need)
		n, err := f.r.Read(f.buf[f.end:])
		f.end += n
		f.read.Add(uint64(n))
		if n > 0 || err == nil {
			continue
		}
		if err == io.EOF && f.start != f.end {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
}

// buffered reports whether next would return without reading.
func (f *frameReader) buffered() bool {
	n := f.end - f.start
	return n >= frameHead && n-frameHead >= int(binary.BigEndian.Uint32(f.buf[f.start:]))
}

// cut takes a complete frame out of the buffer, or says how many bytes from
// start the one that begins there needs.
func (f *frameReader) cut() (body []byte, need int, err error) {
	have := f.end - f.start
	if have < frameHead {
		return nil, frameHead, nil
	}
	length := binary.BigEndian.Uint32(f.buf[f.start:])
	if length == 0 {
		return nil, 0, errMalformed
	}
	if uint64(length) > uint64(f.limit) {
		return nil, 0, fmt.Errorf("%w: a frame of %d bytes, the limit is %d", errs.ErrTooLarge, length, f.limit)
	}
	need = frameHead + int(length)
	if have < need {
		return nil, need, nil
	}
	body = f.buf[f.start+frameHead : f.start+need : f.start+need]
	f.start += need
	return body, 0, nil
}

// makeRoom leaves space to read into. The buffer grows with the bytes that have
// arrived, so that a length which was only announced costs nothing.
func (f *frameReader) makeRoom(need int) {
	if f.start == f.end {
		f.start, f.end = 0, 0
		if len(f.buf) > keepBuffer && need <= keepBuffer {
			f.buf = nil
		}
	}
	if f.buf == nil {
		f.buf = make([]byte, readBuffer)
	}
	if f.start+need <= len(f.buf) || (f.start == 0 && f.end < len(f.buf)) {
		return
	}
	if f.start > 0 {
		f.end = copy(f.buf, f.buf[f.start:f.end])
		f.start = 0
	}
	if f.end == len(f.buf) {
		grown := make([]byte, max(min(4*len(f.buf), need), len(f.buf)+1))
		copy(grown, f.buf[:f.end])
		f.buf = grown
	}
}
