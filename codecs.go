package carom

import (
	"reflect"

	"github.com/carom-ipc/carom/internal/codec"
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
	CBOR Codec = codec.CBOR
	JSON Codec = codec.JSON
)

func init() { codec.RegisterHandle(reflect.TypeFor[Ref](), HandleTag, reflect.TypeFor[marked]()) }

// RegisterCodec makes c known to the coordinator that Start launches and to workers,
// which learn its name only. Like Register, it is for a package variable's initialiser
// or init. It panics if the name is empty or taken.
func RegisterCodec(c Codec) {
	if err := codec.Register(c); err != nil {
		panic("carom: " + err.Error())
	}
}

func (m *Manager) codec() Codec {
	if m == nil || m.opts.Codec == nil {
		return CBOR
	}
	return m.opts.Codec
}
