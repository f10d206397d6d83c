//go:build !amd64

package atom

import "sync/atomic"

func publish32(p *uint32, v uint32) { atomic.StoreUint32(p, v) }
func publish64(p *uint64, v uint64) { atomic.StoreUint64(p, v) }
