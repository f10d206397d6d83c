//go:build !linux

package budget

// Explain returns err: managers are for Linux.
func Explain(err error) error { return err }

// Sparse runs f.
func Sparse(f func() error) error { return f() }
