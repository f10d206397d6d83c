package spawn

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/internal/errs"
)

const maxFrame = 64 << 20

// send writes v, a Start or a message.
func send(w io.Writer, v any) error {
	b, err := codec.Encode(v)
	if err != nil {
		return err
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
