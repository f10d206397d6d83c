package cases

import "github.com/carom-ipc/carom"

func init() {
	for _, size := range []int{64 << 10, 1 << 20} {
		Add(InProcess("ArrayCopy/impl=carom/size="+SizeName(size), size, func(e *Env) (func(int) error, error) {
			a, err := carom.NewArray[byte](e.M, "", size)
			if _, err := own(e, a, err); err != nil {
				return nil, err
			}
			return copies(make([]byte, size), a.Slice), nil
		}))
		Add(InProcess("ArrayCopy/impl=private/size="+SizeName(size), size, func(*Env) (func(int) error, error) {
			src := make([]byte, size)
			return copies(make([]byte, size), func() []byte { return src }), nil
		}))
	}
	Add(InProcess("ArrayAddAt/impl=carom", 0, func(e *Env) (func(int) error, error) {
		a, err := carom.NewArray[uint32](e.M, "", 64)
		if _, err := own(e, a, err); err != nil {
			return nil, err
		}
		return func(n int) error {
			for i := range n {
				carom.AddAt(a, i&63, 1)
			}
			return nil
		}, nil
	}))
}

// copies copies one way, over and over.
func copies(dst []byte, src func() []byte) func(int) error {
	for i := range src() {
		src()[i] = byte(i) // pages that nobody wrote to are all the same one
	}
	return func(n int) error {
		for range n {
			copy(dst, src())
		}
		return nil
	}
}
