package carom

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/carom-ipc/carom/shm"
)

type rawCBOR = cbor.RawMessage

// HandleTag is the CBOR tag of a handle. Its content is an array of three: the id of
// the manager's arena, 16 bytes; the kind, such as "Value"; the name.
const HandleTag = 51824

var cborNull = []byte{0xf6}

type wireHandle struct {
	_       struct{} `cbor:",toarray"`
	Manager []byte
	Kind    string
	Name    string
}

func marshalHandle(h *handle) ([]byte, error) {
	if h == nil {
		return nil, errNoHandle
	}
	return marshalName(h.m, h.kind.String(), h.name)
}

func marshalName(m *Manager, kind, name string) ([]byte, error) {
	return encMode.Marshal(cbor.Tag{Number: HandleTag, Content: wireHandle{Manager: m.id[:], Kind: kind, Name: name}})
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
	var tag cbor.RawTag
	if err := decMode.Unmarshal(b, &tag); err != nil {
		return w, nil, fmt.Errorf("a handle: %w: %w", ErrType, err)
	}
	if tag.Number != HandleTag {
		return w, nil, fmt.Errorf("a handle: tag %d, want %d: %w", tag.Number, HandleTag, ErrType)
	}
	if err := decMode.Unmarshal(tag.Content, &w); err != nil {
		return w, nil, fmt.Errorf("a handle: %w: %w", ErrType, err)
	}
	m, err = managerByID(w.Manager)
	return w, m, err
}
