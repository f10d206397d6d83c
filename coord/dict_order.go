package coord

import "sort"

// dictOrder keeps entries in the order of their insertion, which is that of
// their seq. A removed entry leaves a hole, and the holes are closed once they
// are the majority: so removing costs constant time on average, and a scan
// finds its place by binary search, whatever happened to the entry at which it
// stopped.
type dictOrder struct {
	slots []slot
	holes int
}

// slot keeps the seq of an entry that is gone, for the binary search.
type slot struct {
	seq uint64
	e   *dictEntry // nil: a hole
}

// fewHoles are not worth closing.
const fewHoles = 32

func (o *dictOrder) push(e *dictEntry) {
	e.pos = len(o.slots)
	o.slots = append(o.slots, slot{e.seq, e})
}

func (o *dictOrder) remove(e *dictEntry) {
	o.slots[e.pos].e = nil
	o.holes++
	for n := len(o.slots); n > 0 && o.slots[n-1].e == nil; n-- {
		o.slots = o.slots[:n-1]
		o.holes--
	}
	if o.holes > fewHoles && o.holes > len(o.slots)/2 {
		o.compact()
	}
}

func (o *dictOrder) compact() {
	full := make([]slot, 0, len(o.slots)-o.holes)
	for _, s := range o.slots {
		if s.e != nil {
			s.e.pos = len(full)
			full = append(full, s)
		}
	}
	o.slots, o.holes = full, 0
}

// last is the youngest entry, nil if there is none.
func (o *dictOrder) last() *dictEntry {
	if n := len(o.slots); n > 0 {
		return o.slots[n-1].e // remove leaves no hole at the end
	}
	return nil
}

// after returns the slots of entries that were inserted after seq.
func (o *dictOrder) after(seq uint64) []slot {
	i := sort.Search(len(o.slots), func(i int) bool { return o.slots[i].seq > seq })
	return o.slots[i:]
}
