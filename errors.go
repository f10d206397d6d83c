package carom

import (
	"context"
	"errors"
	"fmt"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/naming"
)

// Sentinel errors, grouped by the occasion on which they occur. Every error
// that carom returns wraps one of them, or is a context's error unchanged.
var (
	// Naming an object.
	ErrNotFound = errs.ErrNotFound // no object, type or function has that name
	ErrExists   = errs.ErrExists   // Exclusive was asked for, and the name is taken
	ErrType     = errs.ErrType     // kind, element type, length or limit differ from what is there
	ErrName     = errs.ErrName     // a name that is not UTF-8 text

	// Using a handle.
	ErrClosed   = errs.ErrClosed   // the handle, the queue's write side or the manager is closed
	ErrNotLocal = errs.ErrNotLocal // the operation needs the arena mapped

	// Trying without waiting. ErrFull, ErrEmpty and ErrLocked wrap ErrWouldBlock.
	ErrWouldBlock = errs.ErrWouldBlock
	ErrFull       = errs.ErrFull
	ErrEmpty      = errs.ErrEmpty
	ErrLocked     = errs.ErrLocked

	// Ownership.
	ErrNotOwner    = errs.ErrNotOwner
	ErrNotLocked   = errs.ErrNotLocked
	ErrOwnerDied   = errs.ErrOwnerDied
	ErrOverRelease = errs.ErrOverRelease
	ErrBroken      = errs.ErrBroken

	// Computing an entry. What Dict.Compute's function returns to remove it.
	ErrDelete = errors.New("delete the entry")

	// Limits.
	ErrNoMemory = errs.ErrNoMemory // the arena's budget is used up
	ErrTooLarge = errs.ErrTooLarge // larger than could ever fit

	// The arena and the coordinator.
	ErrCorrupt     = errs.ErrCorrupt // shared memory that fails its checks
	ErrAuth        = errs.ErrAuth
	ErrUnavailable = errs.ErrUnavailable
)

// OpError says which operation failed on which object:
//
//	carom: lock Lock "cache.lock": owner died
type OpError struct {
	Op   string // the operation, in lower case: "lock", "get", "new"
	Kind string // the kind of object: "Lock", "Dict"; empty for the manager itself
	Name string // the object's name
	Err  error
}

func (e *OpError) Error() string {
	cause := fmt.Sprint(e.Err)
	if r, ok := e.Err.(*RemoteError); ok && r.Type == e.Kind && r.Method == e.Op {
		cause = r.Message // the rest would be said twice
	}
	switch {
	case e.Kind == "" && e.Name == "":
		return fmt.Sprintf("carom: %s: %s", e.Op, cause)
	case e.Kind == "":
		return fmt.Sprintf("carom: %s %s: %s", e.Op, naming.Quote(e.Name), cause)
	}
	return fmt.Sprintf("carom: %s %s %s: %s", e.Op, e.Kind, naming.Quote(e.Name), cause)
}

// Unwrap gives errors.Is and errors.As access to the cause.
func (e *OpError) Unwrap() error { return e.Err }

// RemoteError carries what a method in the coordinator returned or panicked with.
type RemoteError struct {
	Type    string // typeid of the object
	Method  string
	Message string
}

func (e *RemoteError) Error() string { return (*errs.RemoteError)(e).Error() }

// opError says which operation failed on which object; a context's error goes through
// unchanged.
func opError(op, kind, name string, err error) error {
	if err == nil || isContextError(err) {
		return err
	}
	switch inner := err.(type) {
	case *errs.RemoteError:
		err = (*RemoteError)(inner)
	case *OpError:
		if inner.Op == op { // it knew less of the object
			err = inner.Err
		}
	}
	return &OpError{Op: op, Kind: kind, Name: name, Err: err}
}

// isContextError tells errors that go through unchanged. One that came while there was no
// coordinator says so as well, and is wrapped like others.
func isContextError(err error) bool {
	return (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) && !errors.Is(err, ErrUnavailable)
}

// Must returns v, or panics with err. It is for package variables and examples.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
