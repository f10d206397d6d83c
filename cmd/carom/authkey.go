package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/carom-ipc/carom/internal/endpoint"
)

func authKeyFlag(f *flag.FlagSet) *string {
	return f.String("authkey-file", "", "")
}

// readAuthKey returns the key in file, without the line's end, and warns on stderr if others
// can read the file. "" is none: then the environment says.
func readAuthKey(file string, stderr io.Writer) ([]byte, error) {
	if file == "" {
		if os.Getenv("CAROM_AUTHKEY") == "" && os.Getenv("CAROM_AUTHKEY_FILE") == "" {
			return nil, fmt.Errorf("no auth key: set CAROM_AUTHKEY or CAROM_AUTHKEY_FILE, or give -authkey-file")
		}
		return nil, nil
	}
	key, warning, err := endpoint.KeyFromFile(file)
	if warning != "" {
		fmt.Fprintf(stderr, "carom: %s\n", warning)
	}
	return key, err
}
