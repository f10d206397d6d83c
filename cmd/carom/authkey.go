package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
)

func authKeyFlag(f *flag.FlagSet) *string {
	return f.String("authkey-file", "", "")
}

// readAuthKey returns the key in file, without the line's end. "" is none: then the
// environment says.
func readAuthKey(file string) ([]byte, error) {
	if file == "" {
		if os.Getenv("CAROM_AUTHKEY") == "" && os.Getenv("CAROM_AUTHKEY_FILE") == "" {
			return nil, fmt.Errorf("no auth key: set CAROM_AUTHKEY or CAROM_AUTHKEY_FILE, or give -authkey-file")
		}
		return nil, nil
	}
	key, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the auth key: %w", err)
	}
	if key = bytes.TrimRight(key, "\r\n"); len(key) == 0 {
		return nil, fmt.Errorf("the auth key in %s is empty", file)
	}
	return key, nil
}
