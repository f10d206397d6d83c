package endpoint

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"

	"github.com/carom-ipc/carom/internal/errs"
)

// NewKey makes an auth key, at random.
func NewKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return key
}

// KeyFromEnv reads CAROM_AUTHKEY, or the file that CAROM_AUTHKEY_FILE names, without
// the line's end. ErrAuth: there is none.
func KeyFromEnv() ([]byte, error) {
	if key := os.Getenv("CAROM_AUTHKEY"); key != "" {
		return []byte(key), nil
	}
	file := os.Getenv("CAROM_AUTHKEY_FILE")
	if file == "" {
		return nil, fmt.Errorf("no auth key: give one, or set CAROM_AUTHKEY or CAROM_AUTHKEY_FILE: %w", errs.ErrAuth)
	}
	key, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the auth key: %w: %w", errs.ErrAuth, err)
	}
	if key = bytes.TrimRight(key, "\r\n"); len(key) == 0 {
		return nil, fmt.Errorf("the auth key in %s is empty: %w", file, errs.ErrAuth)
	}
	return key, nil
}
