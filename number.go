package carom

import "github.com/carom-ipc/carom/shm"

// Number is any type that can be added.
type Number interface{ shm.Number }

// Must returns v, or panics with err. It is for package variables and examples.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
