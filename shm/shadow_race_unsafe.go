//go:build race

package shm

import (
	"runtime"
	"unsafe"
)

// The race detector does not see memory that is mapped. What an object orders is
// told to it through a word of the heap: acquired after the shared word was read,
// released before it is written.

// Race reports whether the race detector is on.
const Race = true

type shadow struct{ word uint64 }

// Acquire says that what was released before on o happened before now.
func (o *Object) Acquire() { runtime.RaceAcquire(unsafe.Pointer(&o.shadow.word)) }

// Release says that what happened until now happened before later acquisitions of o.
func (o *Object) Release() { runtime.RaceReleaseMerge(unsafe.Pointer(&o.shadow.word)) }
