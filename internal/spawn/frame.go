package spawn

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/internal/errs"
)

// What goes over a control connection has at most so many bytes: a message, and the
// arguments that follow a Start, which are not a part of it so that they are not encoded
// twice.
const (
	maxFrame = 64 << 20
	maxArgs  = 1 << 30
)

// CheckArgs refuses arguments, of so many bytes when they are encoded, that are too large.
func CheckArgs(size int) error {
	if size > maxArgs {
		return fmt.Errorf("arguments of %d bytes, the limit is %d (1 GiB): put them into a queue or an array, or a file: %w", size, maxArgs, errs.ErrTooLarge)
	}
	return nil
}

// sendStart writes a Start, and its arguments behind it.
func sendStart(w io.Writer, s Start) error {
	if err := CheckArgs(len(s.Args)); err != nil {
		return err
	}
	s.Size = len(s.Args)
	if err := send(w, s); err != nil {
		return err
	}
	_, err := w.Write(s.Args)
	return err
}

// receiveStart reads what sendStart wrote.
func receiveStart(r io.Reader) (s Start, err error) {
	if err := receive(r, &s); err != nil {
		return s, err
	}
	if s.Size < 0 || s.Size > maxArgs {
		return s, fmt.Errorf("arguments of %d bytes: %w", s.Size, errs.ErrTooLarge)
	}
	if s.Size > 0 {
		s.Args = make([]byte, s.Size)
		_, err = io.ReadFull(r, s.Args)
	}
	return s, err
}

// send writes v, a Start or a message, at once: concurrent ones do not mix.
func send(w io.Writer, v any) error {
	b, err := codec.Encode(v)
	if err != nil {
		return err
	}
	if len(b) > maxFrame {
		return fmt.Errorf("a message of %d bytes: %w", len(b), errs.ErrTooLarge)
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

// receive reads what send wrote into v, a pointer to a zero value.
func receive(r io.Reader, v any) error {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxFrame {
		return fmt.Errorf("a message of %d bytes: %w", n, errs.ErrTooLarge)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	return codec.Decode(b, v)
}
