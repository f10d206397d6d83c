package futex

import "unsafe"

// gateIndex spreads words over the shards by a multiplicative hash of their address.
func gateIndex(word *uint32) uint64 {
	return uint64(uintptr(unsafe.Pointer(word))) >> 2 * 0x9e3779b97f4a7c15 >> 58
}

// offset is where word lies, from the start of the memory that d is over.
func (d *Domain) offset(word *uint32) uint64 {
	return uint64(uintptr(unsafe.Pointer(word)) - uintptr(unsafe.Pointer(d.base)))
}

// at is the inverse of offset.
func (d *Domain) at(off uint64) *uint32 {
	return (*uint32)(unsafe.Add(unsafe.Pointer(d.base), off))
}
