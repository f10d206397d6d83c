package carom

import "github.com/carom-ipc/carom/internal/errs"

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
type OpError = errs.OpError

// RemoteError carries what a method in the coordinator returned or panicked with.
type RemoteError = errs.RemoteError

// Must returns v, or panics with err. It is for package variables and examples.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
