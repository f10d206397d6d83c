package carom

import (
	"bytes"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/shm"
)

type rawCBOR = cbor.RawMessage

// HandleTag is the CBOR tag of a handle. Its content is an array: the id of the manager's
// arena, 16 bytes; the kind, such as "Value"; the name; and, in the result of a method
// that makes it an object, the handle by which the caller has it open.
const HandleTag = 51824

var cborNull = codec.Null

type wireHandle struct {
	_       struct{} `cbor:",toarray"`
	Manager []byte
	Kind    string
	Name    string
}

// openedHandle is one with a fourth element.
type openedHandle struct {
	wireHandle
	handle uint64
}

func marshalHandle(h *handle) ([]byte, error) {
	if h == nil {
		return nil, errNoHandle
	}
	return marshalName(h.m, h.kind.String(), h.name)
}

func marshalName(m *Manager, kind, name string) ([]byte, error) {
	return marshalWire(wireHandle{Manager: m.ident(), Kind: kind, Name: name})
}

func marshalWire(w wireHandle) ([]byte, error) {
	return codec.Marshal(cbor.Tag{Number: HandleTag, Content: w})
}

func unmarshalHandle(b []byte, kind shm.Kind) (m *Manager, name string, err error) {
	w, m, err := readHandle(b)
	if err != nil {
		return nil, "", err
	}
	if w.Kind != kind.String() {
		return nil, "", fmt.Errorf("a handle of a %s, wanted a %v: %w", w.Kind, kind, ErrType)
	}
	return m, w.Name, nil
}

func readHandle(b []byte) (w wireHandle, m *Manager, err error) {
	if w, _, err = parseHandle(b); err != nil {
		return w, nil, err
	}
	m, err = managerByID(w.Manager)
	return w, m, err
}

// parseHandle reads a handle's first three elements, and returns the others.
func parseHandle(b []byte) (w wireHandle, rest []rawCBOR, err error) {
	var tag cbor.RawTag
	if err := codec.Unmarshal(b, &tag); err != nil {
		return w, nil, fmt.Errorf("a handle: %w: %w", ErrType, err)
	}
	if tag.Number != HandleTag {
		return w, nil, fmt.Errorf("a handle: tag %d, want %d: %w", tag.Number, HandleTag, ErrType)
	}
	var parts []rawCBOR
	if err := codec.Unmarshal(tag.Content, &parts); err != nil {
		return w, nil, fmt.Errorf("a handle: %w: %w", ErrType, err)
	}
	if len(parts) < 3 {
		return w, nil, fmt.Errorf("a handle: %d elements, want 3: %w", len(parts), ErrType)
	}
	for i, to := range []any{&w.Manager, &w.Kind, &w.Name} {
		if err := codec.Unmarshal(parts[i], to); err != nil {
			return w, nil, fmt.Errorf("a handle: %w: %w", ErrType, err)
		}
	}
	return w, parts[3:], nil
}

// openedPrefix begins a handle with four elements.
var openedPrefix = []byte{0xd9, HandleTag >> 8, HandleTag & 0xff, 0x84}

// readOpened reads the result of a method that made it an object; ok is false for any
// other.
func readOpened(b []byte) (h openedHandle, ok bool, err error) {
	if !bytes.HasPrefix(b, openedPrefix) {
		return h, false, nil
	}
	var rest []rawCBOR
	if h.wireHandle, rest, err = parseHandle(b); err == nil {
		if err = codec.Unmarshal(rest[0], &h.handle); err != nil {
			err = fmt.Errorf("a handle: %w: %w", ErrType, err)
		}
	}
	return h, err == nil, err
}

// marshalOpened writes what readOpened reads.
func marshalOpened(m *Manager, kind, name string, handle uint64) ([]byte, error) {
	return codec.Marshal(cbor.Tag{Number: HandleTag, Content: []any{m.ident(), kind, name, handle}})
}
