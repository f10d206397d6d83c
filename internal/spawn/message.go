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
	Args    []byte        `cbor:"-"`                 // of the worker, or of the initializer: they follow
	Size    int           `cbor:"size,omitempty"`    // of Args
	Addr    string        `cbor:"addr,omitempty"`    // of the coordinator; empty: it chooses
	Key     []byte        `cbor:"key,omitempty"`     // the auth key
	Codec   string        `cbor:"codec,omitempty"`   // its name
	Limits  coord.Limits  `cbor:"limits,omitempty"`  // of the coordinator
	Starter uint32        `cbor:"starter,omitempty"` // the manager's process in the arena
	Direct  bool          `cbor:"direct,omitempty"`  // the manager's process is the worker's parent
	Timeout time.Duration `cbor:"timeout,omitempty"` // as Options.Timeout
	NoLane  bool          `cbor:"noLane,omitempty"`  // as Options.NoLane
	Remote  bool          `cbor:"remote,omitempty"`  // the manager does not map the arena
	Arena   []byte        `cbor:"arena,omitempty"`   // its id, for remote workers
}

// message is what both say afterwards.
type message struct {
	Kind  string `cbor:"kind"`
	Text  string `cbor:"text,omitempty"`
	Code  string `cbor:"code,omitempty"`  // of the sentinel that an error wraps
	Cause string `cbor:"cause,omitempty"` // why a worker's context ended, where its error comes of that
}

const (
	kindStop   = "stop"
	kindEnd    = "end"
	kindReady  = "ready"
	kindResult = "result"
	kindError  = "error"
)

func receiveMessage(r io.Reader) (message, error) {
	var m message
	err := receive(r, &m)
	return m, err
}

// maxText is how much of an error's text another process is told.
const maxText = 1 << 20

// errorMessage says err so that the other process finds the sentinel in it.
func errorMessage(err error) message {
	text := err.Error()
	if len(text) > maxText {
		text = text[:maxText] + "…"
	}
	return message{Kind: kindError, Text: text, Code: errs.Code(err)}
}
