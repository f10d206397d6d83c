package carom

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/carom-ipc/carom/coord"
)

// A Codec turns arguments and results of registered types into bytes. Both sides of a
// connection must use the same: its name is compared when a client connects. Everything
// else that carom sends, such as entries of dicts, is CBOR whatever the codec.
//
// Errors of a Codec reach the caller as ErrType. Handles encode themselves as CBOR and as
// JSON; a codec that uses neither cannot carry them.
type Codec interface {
	// Name is what both sides compare. A client whose codec has an empty name may
	// connect to any coordinator: for programs that call no registered types.
	Name() string
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// The codecs that are built in. CBOR, the default, keeps what JSON does not: integers
// and floats in an any, keys of maps that are no strings, bytes, and handles in an any.
var (
	CBOR Codec = cborCodec{}
	JSON Codec = jsonCodec{}
)

type cborCodec struct{}

func (cborCodec) Name() string                  { return "cbor" }
func (cborCodec) Marshal(v any) ([]byte, error) { return encodeCBOR(v) }

func (cborCodec) Unmarshal(data []byte, v any) error { return decodeCBOR(data, v) }

type jsonCodec struct{}

func (jsonCodec) Name() string                       { return "json" }
func (jsonCodec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (jsonCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

var codecs = struct {
	sync.Mutex
	byName map[string]Codec
}{byName: map[string]Codec{CBOR.Name(): CBOR, JSON.Name(): JSON}}

// RegisterCodec makes c known to the coordinator that Start launches and to workers,
// which learn its name only. Like Register, it is for a package variable's initialiser
// or init. It panics if the name is empty or taken.
func RegisterCodec(c Codec) {
	codecs.Lock()
	defer codecs.Unlock()
	name := c.Name()
	if _, taken := codecs.byName[name]; taken || name == "" {
		panic(fmt.Sprintf("carom: a codec called %q: the name is empty or taken", name))
	}
	codecs.byName[name] = c
}

// codecByName is the codec that another process named; empty: CBOR.
func codecByName(name string) (Codec, error) {
	if name == "" {
		return CBOR, nil
	}
	codecs.Lock()
	defer codecs.Unlock()
	c, ok := codecs.byName[name]
	if !ok {
		return nil, fmt.Errorf("codec %q is not registered in this program: %w", name, ErrNotFound)
	}
	return c, nil
}

// checkCodec refuses another codec under the name of one that is built in.
func checkCodec(c Codec) error {
	if c == nil {
		return nil
	}
	_, isCBOR := c.(cborCodec)
	_, isJSON := c.(jsonCodec)
	switch name := c.Name(); {
	case name == CBOR.Name() && !isCBOR, name == JSON.Name() && !isJSON:
		return fmt.Errorf("a codec %T that calls itself %s, as the one that is built in: %w", c, name, ErrType)
	}
	return nil
}

func (m *Manager) codec() Codec {
	if m.opts.Codec == nil {
		return CBOR
	}
	return m.opts.Codec
}

// appendValue appends v as an argument or a result of a registered type: itself as CBOR,
// or a byte string of what another codec makes of it.
func appendValue(c Codec, dst []byte, v any) ([]byte, error) {
	b, err := c.Marshal(v)
	if _, ok := c.(cborCodec); ok {
		return append(dst, b...), err
	}
	if err != nil {
		return dst, fmt.Errorf("%s: %w: %w", c.Name(), ErrType, err)
	}
	return coord.AppendBytes(dst, b), nil
}

// readValue reads the next of what appendValue wrote into v, a pointer to a zero value.
func readValue(c Codec, in *coord.Reader, v any) error {
	if _, ok := c.(cborCodec); ok {
		raw := in.Raw()
		if err := in.Err(); err != nil {
			return err
		}
		return decodeCBOR(raw, v)
	}
	b := in.Bytes()
	if err := in.Err(); err != nil {
		return fmt.Errorf("of codec %s: %w", c.Name(), err)
	}
	if err := c.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w: %w", c.Name(), ErrType, err)
	}
	return nil
}
