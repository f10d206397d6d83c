package atom

// On amd64 plain stores become visible in program order, which the compiler keeps.

func publish32(p *uint32, v uint32) { *p = v }
func publish64(p *uint64, v uint64) { *p = v }
