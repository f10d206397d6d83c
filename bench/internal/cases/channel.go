package cases

// A channel between goroutines is no peer, as it does not leave the process; it says what a
// Go program is used to.
func init() {
	Add(InProcess("Queue/impl=chan/procs=1/size=64B", 64, func(*Env) (func(int) error, error) {
		return func(n int) error {
			c := make(chan [64]byte, Depth(64))
			go func() {
				defer close(c)
				for range n {
					c <- [64]byte{}
				}
			}()
			for item := range c {
				sink += int64(item[0])
			}
			return nil
		}, nil
	}))
}
