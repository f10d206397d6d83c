//go:build amd64 || arm64

package futex

// pause executes the CPU's spin-wait hint n times; n must not be 0.
//
//go:noescape
func pause(n uint32)
