// Package fence has a test that keeps the repository's rules about what may use what:
// unsafe and go:linkname only in files named *_unsafe.go, no cgo, and imports that go
// one way (cmd and examples → carom → internal/served, host, spawn, codec → coord and
// shm; shm → futex).
package fence
