package coord

import (
	"context"
	"fmt"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/naming"
)

// Names of the kinds that every coordinator serves.
const (
	KindDict      = "dict"
	KindList      = "list"
	KindNamespace = "namespace"
)

// Kind makes the objects of one kind.
type Kind interface {
	// New makes an object. typ is the signature of its element type, empty if
	// unknown; params is a CBOR item from the client, nil for none, and must
	// not be kept. ctx ends when the client cancels or its session ends.
	New(ctx context.Context, sess *Session, name, typ string, params []byte) (Object, error)
}

// KindFunc is a function that serves as a Kind.
type KindFunc func(ctx context.Context, sess *Session, name, typ string, params []byte) (Object, error)

// New calls f.
func (f KindFunc) New(ctx context.Context, sess *Session, name, typ string, params []byte) (Object, error) {
	return f(ctx, sess, name, typ, params)
}

// Object is what lives behind a name. Its methods are called concurrently.
//
// An error that wraps one of carom's sentinels keeps its identity on the way
// to the client; any other, and a panic, arrives as a RemoteError.
type Object interface {
	// Call runs a method. args is the CBOR array of the arguments, well formed
	// and within the depth limit; it must not be kept or changed. The result
	// is appended to dst as one CBOR item. ctx ends when the caller cancels or
	// its session ends. A method that the object does not have is answered
	// with NoMethod.
	Call(ctx context.Context, sess *Session, method string, args, dst []byte) ([]byte, error)

	// Close is called once, after the object was removed and the last session
	// has let go of it, or when the coordinator stops.
	Close()
}

// NoMethod is the error for a method that a kind does not have.
func NoMethod(kind, method string) error {
	return fmt.Errorf("%w: a %s has no method %s", errs.ErrNotFound, kind, naming.Quote(method))
}

// Blocker is implemented by objects with methods that may wait. Such a method
// runs in a goroutine of its own; all others run on the goroutine that reads
// the caller's connection, which is faster, and must not wait.
type Blocker interface {
	Blocks(method string) bool
}

// Waiter is implemented by Blockers with methods that wait for what others do.
// When the coordinator shuts down these are given up, rather than waited for:
// the others are turned away.
type Waiter interface {
	Waits(method string) bool
}

// Trier is implemented by Blockers whose methods can often do without waiting.
// Try runs on the goroutine that reads the caller's connection. With ok false,
// nothing has happened, and Call is to wait for it.
type Trier interface {
	Try(sess *Session, method string, args, dst []byte) (out []byte, ok bool, err error)
}

// Opener opens objects that exist beyond the coordinator, such as in memory
// that it shares with others. Each opening gives the session an Object of its
// own, which is closed with its release or at the session's end. Open may wait.
// What it opens, and creates, has its name in the directory that Config.Names is:
// ErrType, saying what is there and what was wanted, if an object of another kind
// has the name.
type Opener interface {
	Open(ctx context.Context, sess *Session, name, typ string, params []byte, mode Mode) (Opened, error)
}

// Opened is what an Opener has opened.
type Opened struct {
	Object  Object
	ID      Identity // as Names has it; "": the object has none
	Created bool
	Type    string // signature of the element type
	Details []byte // one CBOR item for the client, such as a length; nil: null
}

// Streamer is implemented by objects with methods whose result is a stream.
type Streamer interface {
	// Stream starts the stream that method gives. Whether its Next may wait is
	// what Blocks says of the method.
	Stream(sess *Session, method string, args []byte) (Stream, error)
}

// Stream is a sequence that a client pulls, in batches, as it consumes them.
// So a slow client holds up nobody, and costs what the stream itself buffers.
type Stream interface {
	// Next appends one CBOR item to dst; more is false with the last one.
	// It is not called concurrently.
	Next(ctx context.Context, dst []byte) (out []byte, more bool, err error)
	// Close is called once, at the end or before, and may overlap with Next.
	Close()
}

// Lister is implemented by objects that can tell which methods they have.
type Lister interface{ Methods() []string }

// Sizer is implemented by objects that can say how large they are.
type Sizer interface {
	Len() int    // elements
	Size() int64 // bytes
}

// Mode says what Open may do.
type Mode uint8

const (
	Create    Mode = iota // attach, or create what is not there
	Attach                // ErrNotFound if it is not there
	Exclusive             // ErrExists if it is
)

// Info describes an object.
type Info struct {
	Name     string
	ID       Identity
	Kind     string
	Type     string // signature of the element type; empty if unknown
	Len      int    // elements; 0 for kinds that have none
	Size     int64  // bytes; 0 if unknown
	Sessions int    // sessions that have it open
}
