package shm

import (
	"fmt"

	"github.com/carom-ipc/carom/futex"
)

// Value, Array and Lock have their users' lock at the start of the payload; values
// that are not one atomic have their writers' lock behind it, which nobody waits long
// for and the next writer takes over.
func init() {
	for _, k := range []Kind{Value, Array, Lock, RLock} {
		kinds[k].Sweep = func(a *Arena, _ *futex.Domain, o Ref, dead futex.ID) {
			at[futex.Mutex](a, o.Off).Release(a.sentry, dead)
			if k == Value && o.Size > cellAt+8 && dead != a.self {
				at[futex.Mutex](a, o.Off+cellAt).Release(a.sentry, dead)
			}
		}
		kinds[k].Check = func(a *Arena, o Ref, report func(string)) {
			if id, _ := at[futex.Mutex](a, o.Off).Holder(); id != 0 && !a.listed(id) {
				report(fmt.Sprintf("held by process %v, which is dead", id))
			}
		}
	}
}

// EventPayload is the payload of an event: its word at the start.
const EventPayload = 8

// EventOf is the word of an event, which may be used without Enter where that is one access.
func EventOf(o *Object) *futex.Event {
	o.bare.Store(true)
	return at[futex.Event](o.arena, o.Off)
}

// LockPayload is the payload of a lock.
const LockPayload = 16
