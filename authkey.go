package carom

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
)

func randomKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return key
}

// keyFromEnv reads CAROM_AUTHKEY, or the file that CAROM_AUTHKEY_FILE names, without
// the line's end.
func keyFromEnv() ([]byte, error) {
	if key := os.Getenv("CAROM_AUTHKEY"); key != "" {
		return []byte(key), nil
	}
	file := os.Getenv("CAROM_AUTHKEY_FILE")
	if file == "" {
		return nil, fmt.Errorf("no auth key: give one, or set CAROM_AUTHKEY or CAROM_AUTHKEY_FILE: %w", ErrAuth)
	}
	key, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the auth key: %w: %w", ErrAuth, err)
	}
	if key = bytes.TrimRight(key, "\r\n"); len(key) == 0 {
		return nil, fmt.Errorf("the auth key in %s is empty: %w", file, ErrAuth)
	}
	return key, nil
}
