package codec

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
)

// Codec is package carom's interface of the same name, which documents it.
type Codec interface {
	Name() string
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// The codecs that are built in.
var (
	CBOR Codec = cborCodec{}
	JSON Codec = jsonCodec{}
)

type cborCodec struct{}

func (cborCodec) Name() string                       { return "cbor" }
func (cborCodec) Marshal(v any) ([]byte, error)      { return Encode(v) }
func (cborCodec) Unmarshal(data []byte, v any) error { return Decode(data, v) }

type jsonCodec struct{}

func (jsonCodec) Name() string                       { return "json" }
func (jsonCodec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (jsonCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

var registry = struct {
	sync.Mutex
	byName map[string]Codec
}{byName: map[string]Codec{CBOR.Name(): CBOR, JSON.Name(): JSON}}

// Register makes c known under its name. An error says that the name is empty or taken.
func Register(c Codec) error {
	registry.Lock()
	defer registry.Unlock()
	name := c.Name()
	if _, taken := registry.byName[name]; taken || name == "" {
		return fmt.Errorf("a codec called %q: the name is empty or taken", name)
	}
	registry.byName[name] = c
	return nil
}

// ByName is the codec that another process named; empty: CBOR. ErrNotFound: this program
// has none of that name.
func ByName(name string) (Codec, error) {
	if name == "" {
		return CBOR, nil
	}
	registry.Lock()
	defer registry.Unlock()
	c, ok := registry.byName[name]
	if !ok {
		return nil, fmt.Errorf("codec %q is not registered in this program: %w", name, errs.ErrNotFound)
	}
	return c, nil
}

// Check refuses another codec under the name of one that is built in. c may be nil.
func Check(c Codec) error {
	if c == nil {
		return nil
	}
	_, isCBOR := c.(cborCodec)
	_, isJSON := c.(jsonCodec)
	switch name := c.Name(); {
	case name == CBOR.Name() && !isCBOR, name == JSON.Name() && !isJSON:
		return fmt.Errorf("a codec %T that calls itself %s, as the one that is built in: %w", c, name, errs.ErrType)
	}
	return nil
}

// AppendResult appends v as a result of a registered type: itself as CBOR, or a byte string
// of what another codec makes of it.
func AppendResult(c Codec, dst []byte, v any) ([]byte, error) { return appendValue(c, dst, v, true) }

func appendValue(c Codec, dst []byte, v any, leaving bool) ([]byte, error) {
	r := rulesOf(c, leaving)
	if _, ok := c.(cborCodec); ok {
		b, err := encode(r, v)
		return append(dst, b...), err
	}
	if r != nil {
		if err := r.checkValue(v); err != nil {
			return dst, err
		}
	}
	b, err := c.Marshal(v)
	if err != nil {
		return dst, fmt.Errorf("%s: %w: %w", c.Name(), errs.ErrType, err)
	}
	return coord.AppendBytes(dst, b), nil
}

// AppendArguments appends the array of a call's arguments, in the form of results.
func AppendArguments(c Codec, dst []byte, args []any) ([]byte, error) {
	dst = coord.AppendArray(dst, len(args))
	for i, arg := range args {
		var err error
		if dst, err = appendValue(c, dst, arg, false); err != nil {
			return dst, fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return dst, nil
}

// ReadValue reads the next of what AppendResult or AppendArguments wrote into v, a pointer to a zero value.
func ReadValue(c Codec, in *coord.Reader, v any) error {
	if _, ok := c.(cborCodec); ok {
		raw := in.Raw()
		if err := in.Err(); err != nil {
			return err
		}
		return Decode(raw, v)
	}
	b := in.Bytes()
	if err := in.Err(); err != nil {
		return fmt.Errorf("of codec %s: %w", c.Name(), err)
	}
	if err := c.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w: %w", c.Name(), errs.ErrType, err)
	}
	return nil
}
