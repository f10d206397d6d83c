package cases

import (
	"sync/atomic"

	"github.com/carom-ipc/carom"
)

// sink keeps the compiler from leaving a measured load out.
//
//lint:ignore U1000 it is written, never read
var sink int64

func init() {
	value := func(op string, loop func(v *carom.Value[int64], n int)) {
		Add(InProcess("Value"+op+"/impl=carom", 0, func(e *Env) (func(int) error, error) {
			v, err := carom.NewValue[int64](e.M, "")
			if _, err := own(e, v, err); err != nil {
				return nil, err
			}
			return func(n int) error { loop(v, n); return nil }, nil
		}))
	}
	private := func(op string, loop func(v *atomic.Int64, n int)) {
		Add(InProcess("Value"+op+"/impl=atomic", 0, func(*Env) (func(int) error, error) {
			v := new(atomic.Int64)
			return func(n int) error { loop(v, n); return nil }, nil
		}))
	}
	value("Add", func(v *carom.Value[int64], n int) {
		for range n {
			carom.Add(v, 1)
		}
	})
	private("Add", func(v *atomic.Int64, n int) {
		for range n {
			v.Add(1)
		}
	})
	value("Load", func(v *carom.Value[int64], n int) {
		sum := int64(0)
		for range n {
			sum += v.Load()
		}
		sink = sum
	})
	private("Load", func(v *atomic.Int64, n int) {
		sum := int64(0)
		for range n {
			sum += v.Load()
		}
		sink = sum
	})
	value("Store", func(v *carom.Value[int64], n int) {
		for i := range n {
			v.Store(int64(i))
		}
	})
	private("Store", func(v *atomic.Int64, n int) {
		for i := range n {
			v.Store(int64(i))
		}
	})
	value("CAS", func(v *carom.Value[int64], n int) {
		v.Store(0)
		for i := range n {
			carom.CompareAndSwap(v, int64(i), int64(i+1))
		}
	})
	private("CAS", func(v *atomic.Int64, n int) {
		v.Store(0)
		for i := range n {
			v.CompareAndSwap(int64(i), int64(i+1))
		}
	})
}
