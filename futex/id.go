package futex

import "fmt"

// An ID names a process that is attached to an arena, in 29 bits, so that it fits
// into a word beside three flags.
//
//	bits 0–11   slot in the table of processes, 1 to MaxSlot; 0 is nobody's
//	bits 12–28  generation of the slot, counted up by each process that takes it
type ID uint32

const (
	slotBits = 12
	genBits  = 17
	idMask   = 1<<(slotBits+genBits) - 1

	// MaxSlot is the highest slot an ID can name.
	MaxSlot = 1<<slotBits - 1
	// GenMask bounds generations; they wrap around.
	GenMask = 1<<genBits - 1
)

// MakeID packs a slot and a generation.
func MakeID(slot, gen uint32) ID { return ID(gen&GenMask<<slotBits | slot) }

// Slot is the place in the table of processes.
func (id ID) Slot() uint32 { return uint32(id) & MaxSlot }

// Gen is the slot's generation.
func (id ID) Gen() uint32 { return uint32(id) >> slotBits & GenMask }

func (id ID) String() string { return fmt.Sprintf("%d.%d", id.Slot(), id.Gen()) }
