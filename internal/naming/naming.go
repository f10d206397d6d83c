// Package naming says which names objects may have. The arena, the coordinator and package
// carom ask it, so that all refuse the same.
package naming

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/carom-ipc/carom/internal/errs"
)

// Max is the length of the longest name, in bytes.
const Max = 1024

// Check says why a name cannot be: ErrName if it is empty or not UTF-8, ErrTooLarge if it is
// longer than Max.
func Check(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it is empty", errs.ErrName)
	case len(name) > Max:
		return fmt.Errorf("a name of %d bytes, the longest has %d: %w", len(name), Max, errs.ErrTooLarge)
	case !utf8.ValidString(name):
		return fmt.Errorf("%w: %.100q is not UTF-8", errs.ErrName, name)
	}
	return nil
}

// Quote quotes a name for an error's text: whole if it can be a name, else only how it begins.
// It serves for whatever else callers name, such as methods and types.
func Quote(name string) string {
	if len(name) <= Max {
		return strconv.Quote(name)
	}
	const begin = 64
	return fmt.Sprintf("%.*q… (%d bytes)", begin, name, len(name))
}

// Random makes a name that nobody else has, for an object of a kind.
func Random(kind string) string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return strings.ToLower(kind) + "-" + hex.EncodeToString(b[:])
}
