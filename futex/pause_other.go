//go:build !amd64 && !arm64

package futex

func pause(n uint32) {}
