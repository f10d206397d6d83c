// Package codec turns Go values into the bytes that go between processes, and back: CBOR
// for everything that carom itself sends, and the codec that a program chose for arguments
// and results of registered types. It also says what two processes must agree on about a
// type: the signature of one that is encoded, the layout of one that lies in shared memory.
//
// Package carom, internal/host and internal/spawn import it. It knows nothing of managers
// and handles: package carom registers the type that a handle becomes when it meets an any.
package codec
