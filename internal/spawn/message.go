package spawn

import (
	"io"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
)

// Start is what a child is told first.
type Start struct {
	Name    string        `cbor:"name,omitempty"`    // of the worker, or of the initializer
	Args    []byte        `cbor:"args,omitempty"`    // of the worker, or of the initializer
	Addr    string        `cbor:"addr,omitempty"`    // of the coordinator; empty: it chooses
	Key     []byte        `cbor:"key,omitempty"`     // the auth key
	Codec   string        `cbor:"codec,omitempty"`   // its name
	Limits  coord.Limits  `cbor:"limits,omitempty"`  // of the coordinator
	Starter uint32        `cbor:"starter,omitempty"` // the manager's process in the arena
	Timeout time.Duration `cbor:"timeout,omitempty"` // as Options.Timeout
	NoLane  bool          `cbor:"noLane,omitempty"`  // as Options.NoLane
	Remote  bool          `cbor:"remote,omitempty"`  // the manager does not map the arena
	Arena   []byte        `cbor:"arena,omitempty"`   // its id, for remote workers
}

// message is what both say afterwards.
type message struct {
	Kind string `cbor:"kind"`
	Text string `cbor:"text,omitempty"`
	Code string `cbor:"code,omitempty"` // of the sentinel that an error wraps
}

const (
	kindStop   = "stop"
	kindReady  = "ready"
	kindError  = "error"
	kindResult = "result"
)

func receiveMessage(r io.Reader) (message, error) {
	var m message
	err := receive(r, &m)
	return m, err
}

// errorMessage says err so that the other process finds the sentinel in it.
func errorMessage(kind string, err error) message {
	return message{Kind: kind, Text: err.Error(), Code: errs.Code(err)}
}
