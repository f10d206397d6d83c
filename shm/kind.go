package shm

import (
	"fmt"

	"github.com/carom-ipc/carom/futex"
)

// A Kind is what an object is. Numbers are stored in the arena.
type Kind uint8

// The kinds. Those from Dict on live in the coordinator; the arena holds their names.
const (
	Value Kind = iota + 1
	Array
	Queue
	ByteQueue
	Lock
	RLock
	Semaphore
	BoundedSemaphore
	Condition
	Event
	Barrier
	lane // see Lane

	Dict Kind = iota + 64
	List
	Namespace
	Custom
)

// goesWithMaker reports that the name of an object of this kind goes with the process
// that made it.
func (k Kind) goesWithMaker() bool { return k.InCoordinator() || k == lane }

// InCoordinator reports whether objects of this kind live in a coordinator and go
// with it.
func (k Kind) InCoordinator() bool { return k >= Dict }

func (k Kind) String() string {
	if n := kinds[k].Name; n != "" {
		return n
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Ops is what the arena does with the objects of a kind.
type Ops struct {
	Name string
	// Sweep takes back what a dead process held of the object, and waits in d: when that is
	// closed it need not finish. It may be repeated. The arena's lock is not held.
	Sweep func(a *Arena, d *futex.Domain, o Ref, dead futex.ID)
	// Free frees the blocks that the object owns besides its own. The arena's lock is held.
	Free func(a *Arena, o Ref)
	// Extra is how many bytes the object has besides its own block.
	Extra func(a *Arena, o Ref) uint64
	// Check reports what is wrong with the object.
	Check func(a *Arena, o Ref, report func(string))
	// Blocks calls f with each block that the object owns besides its own. Nobody else
	// uses the object meanwhile.
	Blocks func(a *Arena, o Ref, f func(off uint64))
}

var kinds [256]Ops

func init() {
	for k, name := range map[Kind]string{Value: "Value", Array: "Array", Queue: "Queue", ByteQueue: "ByteQueue",
		Lock: "Lock", RLock: "RLock", Semaphore: "Semaphore", BoundedSemaphore: "BoundedSemaphore",
		Condition: "Condition", Event: "Event", Barrier: "Barrier", lane: "Lane",
		Dict: "Dict", List: "List", Namespace: "Namespace", Custom: "Custom"} {
		kinds[k].Name = name
	}
}

// A Ref is an object's place, for the operations of its kind.
type Ref struct {
	Index  uint32
	Serial uint64 // tells the object from all others that the arena has or had; never 0
	Kind   Kind
	Flags  uint32
	Param  uint64
	Off    uint64 // of the payload
	Size   uint64 // of the payload
}

func (a *Arena) ref(i uint32) Ref {
	e := a.entry(i)
	b := at[blockHead](a, e.place())
	size := min(b.payload(), max(a.blockSize(e.place()), blockHeadSize)-blockHeadSize)
	return Ref{Index: i, Serial: b.serial, Kind: e.kind(), Flags: e.flags(), Param: e.param, Off: e.place() + blockHeadSize, Size: size}
}

// InMemory reports whether objects of the kind of that name live in an arena.
func InMemory(name string) bool {
	for k := Value; k < lane; k++ {
		if kinds[k].Name == name {
			return true
		}
	}
	return false
}
