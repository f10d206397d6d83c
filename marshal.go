package carom

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/carom-ipc/carom/internal/codec"
)

type rawCBOR = cbor.RawMessage

// HandleTag is the CBOR tag of a handle. Its content is an array: the id of the manager's
// arena, 16 bytes; the kind, such as "Value"; the name; and, in the result of a method
// that makes it an object, the handle by which the caller has it open.
const HandleTag = 51824

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

// jsonHandle is a handle in arguments and results that another codec than CBOR encodes; the
// manager's id is in hex. A handle that meets an any stays such a map.
type jsonHandle struct {
	Carom [3]string `json:"carom"` // manager, kind, name
}

// marshal writes what readHandle reads.
func (h *handle) marshal() ([]byte, error) {
	switch {
	case h == nil:
		return nil, errNoHandle("marshal")
	case h.part:
		return nil, h.fail("marshal", fmt.Errorf("%w: the lock inside a %s does not travel, the %s does", ErrType, h.kind, h.kind))
	}
	return codec.Marshal(cbor.Tag{Number: HandleTag, Content: wireHandle{Manager: h.m.ident(), Kind: h.kind, Name: h.name}})
}

// marshalOpened writes what readOpened reads.
func marshalOpened(m *Manager, kind, name string, handle uint64) ([]byte, error) {
	return codec.Marshal(cbor.Tag{Number: HandleTag, Content: []any{m.ident(), kind, name, handle}})
}

// toJSON turns what marshal wrote into JSON.
func toJSON(b []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	w, _, err := parseHandle(b)
	if err != nil {
		return nil, err
	}
	return json.Marshal(jsonHandle{[3]string{hex.EncodeToString(w.Manager), w.Kind, w.Name}})
}

// readHandle reads a handle, in CBOR or in JSON, and finds the manager that it names.
func readHandle(b []byte) (w wireHandle, m *Manager, err error) {
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		w, err = parseJSON(b)
	} else {
		w, _, err = parseHandle(b)
	}
	if err == nil {
		m, err = managerByID(w.Manager)
	}
	return w, m, err
}

// isNull reports a handle that is none, in CBOR or in JSON.
func isNull(b []byte) bool {
	return bytes.Equal(b, codec.Null) || bytes.Equal(bytes.TrimSpace(b), []byte("null"))
}

func parseJSON(b []byte) (w wireHandle, err error) {
	var j jsonHandle
	if err = json.Unmarshal(b, &j); err == nil {
		w.Manager, err = hex.DecodeString(j.Carom[0])
	}
	if err != nil {
		return w, notHandle(err)
	}
	w.Kind, w.Name = j.Carom[1], j.Carom[2]
	return w, nil
}

func notHandle(err error) error { return fmt.Errorf("a handle: %w: %w", ErrType, err) }

// parseHandle reads a handle's first three elements, and returns the others.
func parseHandle(b []byte) (w wireHandle, rest []rawCBOR, err error) {
	var tag cbor.RawTag
	if err := codec.Unmarshal(b, &tag); err != nil {
		return w, nil, notHandle(err)
	}
	if tag.Number != HandleTag {
		return w, nil, fmt.Errorf("a handle: tag %d, want %d: %w", tag.Number, HandleTag, ErrType)
	}
	var parts []rawCBOR
	if err := codec.Unmarshal(tag.Content, &parts); err != nil {
		return w, nil, notHandle(err)
	}
	if len(parts) < 3 {
		return w, nil, fmt.Errorf("a handle: %d elements, want 3: %w", len(parts), ErrType)
	}
	for i, to := range []any{&w.Manager, &w.Kind, &w.Name} {
		if err := codec.Unmarshal(parts[i], to); err != nil {
			return w, nil, notHandle(err)
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
			err = notHandle(err)
		}
	}
	return h, err == nil, err
}
