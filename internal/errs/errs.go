// Package errs holds the sentinels and error types that every layer of carom
// returns. It is a leaf so that shm, futex and coord can name the same errors
// that package carom exports, and so that an error keeps its identity when it
// crosses a process boundary as a code.
package errs

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Sentinels, grouped by the occasion on which they occur.
var (
	// Naming an object.
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
	ErrType     = errors.New("type mismatch")
	ErrName     = errors.New("invalid name")

	// Using a handle.
	ErrClosed   = errors.New("closed")
	ErrNotLocal = errors.New("not in local memory")

	// Trying without waiting.
	ErrWouldBlock = errors.New("would block")
	ErrFull       = fmt.Errorf("full: %w", ErrWouldBlock)
	ErrEmpty      = fmt.Errorf("empty: %w", ErrWouldBlock)
	ErrLocked     = fmt.Errorf("locked: %w", ErrWouldBlock)

	// Ownership.
	ErrNotOwner    = errors.New("not the owner")
	ErrNotLocked   = errors.New("not locked")
	ErrOwnerDied   = errors.New("owner died")
	ErrOverRelease = errors.New("released too many times")
	ErrBroken      = errors.New("barrier is broken")

	// Limits.
	ErrNoMemory = errors.New("memory budget exhausted")
	ErrTooLarge = errors.New("too large")

	// The arena and the coordinator.
	ErrCorrupt     = errors.New("corrupt arena")
	ErrAuth        = errors.New("authentication failed")
	ErrUnavailable = errors.New("coordinator unavailable")
)

// RemoteError is what a method that ran in the coordinator returned, or
// panicked with.
type RemoteError struct {
	Type    string // typeid of the object
	Method  string
	Message string
}

func (e *RemoteError) Error() string {
	return fmt.Sprintf("carom: %s.%s: %s", e.Type, e.Method, e.Message)
}

// codes are the sentinels' names on the wire (PROTOCOL.md). More specific
// sentinels stand before those that they wrap.
var codes = []struct {
	code string
	err  error
}{
	{"not_found", ErrNotFound}, {"exists", ErrExists}, {"type", ErrType}, {"name", ErrName},
	{"closed", ErrClosed}, {"not_local", ErrNotLocal},
	{"full", ErrFull}, {"empty", ErrEmpty}, {"locked", ErrLocked}, {"would_block", ErrWouldBlock},
	{"not_owner", ErrNotOwner}, {"not_locked", ErrNotLocked}, {"owner_died", ErrOwnerDied},
	{"over_release", ErrOverRelease}, {"broken", ErrBroken},
	{"no_memory", ErrNoMemory}, {"too_large", ErrTooLarge},
	{"corrupt", ErrCorrupt}, {"auth", ErrAuth}, {"unavailable", ErrUnavailable},
	{"canceled", context.Canceled}, {"deadline", context.DeadlineExceeded},
	{"eof", io.EOF}, // of a queue
}

// Code returns the wire name of the sentinel that err wraps, "" for none.
func Code(err error) string {
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.code
		}
	}
	return ""
}

// FromCode rebuilds an error that another process sent: errors.Is finds the
// sentinel, Error gives the text that was sent.
func FromCode(code, message string) error {
	for _, c := range codes {
		if c.code == code {
			if message == "" || message == c.err.Error() {
				return c.err
			}
			return &remote{message, c.err}
		}
	}
	return errors.New(message)
}

type remote struct {
	message string
	err     error
}

func (r *remote) Error() string { return r.message }
func (r *remote) Unwrap() error { return r.err }
