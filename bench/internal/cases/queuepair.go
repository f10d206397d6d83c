package cases

import "context"

// A put and a get of one goroutine that meets nobody: what the calls themselves cost, beside
// those of a channel.
func init() {
	Add(InProcess("QueuePair/impl=carom", 8, func(e *Env) (func(int) error, error) {
		q, err := queueOf[int64](8)(e.M)
		if _, err := own(e, q, err); err != nil {
			return nil, err
		}
		ctx := context.Background()
		return func(n int) error {
			for i := range int64(n) {
				if err := q.Put(ctx, i); err != nil {
					return err
				}
				got, err := q.Get(ctx)
				if err != nil {
					return err
				}
				sink += got
			}
			return nil
		}, nil
	}))
	Add(InProcess("QueuePair/impl=chan", 8, func(*Env) (func(int) error, error) {
		c := make(chan int64, Depth(8))
		return func(n int) error {
			for i := range int64(n) {
				c <- i
				sink += <-c
			}
			return nil
		}, nil
	}))
}
