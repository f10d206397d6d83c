package endpoint

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/carom-ipc/carom/internal/errs"
)

// NewKey makes an auth key, at random.
func NewKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return key
}

// KeyFromEnv reads CAROM_AUTHKEY, or the file that CAROM_AUTHKEY_FILE names, without
// the line's end. warning says that others than the file's owner can read it; it is empty
// otherwise. ErrAuth: there is no key.
func KeyFromEnv() (key []byte, warning string, err error) {
	if key := os.Getenv("CAROM_AUTHKEY"); key != "" {
		return []byte(key), "", nil
	}
	file := os.Getenv("CAROM_AUTHKEY_FILE")
	if file == "" {
		return nil, "", fmt.Errorf("no auth key: give one, or set CAROM_AUTHKEY or CAROM_AUTHKEY_FILE: %w", errs.ErrAuth)
	}
	return KeyFromFile(file)
}

// KeyFromFile reads a file as KeyFromEnv does.
func KeyFromFile(file string) (key []byte, warning string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, "", fmt.Errorf("the auth key: %w: %w", errs.ErrAuth, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		key, err = io.ReadAll(f)
	}
	if err != nil {
		return nil, "", fmt.Errorf("the auth key: %w: %w", errs.ErrAuth, err)
	}
	if key = bytes.TrimRight(key, "\r\n"); len(key) == 0 {
		return nil, "", fmt.Errorf("the auth key in %s is empty: %w", file, errs.ErrAuth)
	}
	const othersRead = 0o044
	if mode := info.Mode(); mode.IsRegular() && mode&othersRead != 0 && runtime.GOOS != "windows" { // which knows no such bits
		warning = fmt.Sprintf("others than its owner can read the auth key in %s (mode %#o): who has the key has the memory", file, mode.Perm())
	}
	return key, warning, nil
}
