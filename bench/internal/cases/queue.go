package cases

import (
	"context"
	"fmt"

	"github.com/carom-ipc/carom"
)

// Sizes of items, in bytes.
var Sizes = []int{64, 1 << 10, 64 << 10, 1 << 20}

// Depth is how many items a queue may hold: enough to keep both sides busy, and no
// more memory than a second-level cache has.
func Depth(size int) int { return max(4, min(1024, 2<<20/size)) }

// Shapes of a flow: producers and consumers.
var Shapes = [][2]int{{1, 1}, {2, 2}, {4, 1}, {1, 4}}

// ShapeName is a shape as names of cases have it.
func ShapeName(producers, consumers int) string {
	if producers == 1 && consumers == 1 {
		return "procs=2"
	}
	return fmt.Sprintf("procs=%d/producers=%d", producers+consumers, producers)
}

func init() {
	arrays[[64]byte]()
	arrays[[1 << 10]byte]()
	arrays[[64 << 10]byte]()
	arrays[[1 << 20]byte]()
	for _, size := range Sizes {
		flow("Queue/impl=carom/procs=2/type=bytes/size="+SizeName(size), 1, 1, Party{Role: "queue bytes", Size: size}, queueOf[[]byte](size))
	}
	Roles["queue bytes put"] = queuePut(func(n int) []byte { return make([]byte, n) })
	Roles["queue bytes get"] = queueGet[[]byte]

	for _, many := range []int{32, 100} {
		flow(fmt.Sprintf("Queue/impl=carom/procs=2/size=64B/batch=%d", many), 1, 1, Party{Role: "queue 64B", Size: 64, Many: many}, queueOf[[64]byte](64))
	}
	flow("Queue/impl=carom/procs=2/size=64B/cap=none", 1, 1, Party{Role: "queue 64B", Size: 64}, func(m *carom.Manager) (*carom.Queue[[64]byte], error) {
		return carom.NewQueue[[64]byte](m, "")
	})
	Add(InProcess("Queue/impl=carom/procs=1/size=64B", 64, func(e *Env) (func(int) error, error) {
		q, err := queueOf[[64]byte](64)(e.M)
		if _, err := own(e, q, err); err != nil {
			return nil, err
		}
		return func(n int) error {
			for range n {
				if err := q.Put(e.Ctx, [64]byte{}); err != nil {
					return err
				}
				if _, err := q.Get(e.Ctx); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}))
}

func queueOf[T any](size int) func(*carom.Manager) (*carom.Queue[T], error) {
	return func(m *carom.Manager) (*carom.Queue[T], error) {
		return carom.NewQueue[T](m, "", carom.Cap(Depth(size)))
	}
}

// arrays are the cases of one type of fixed size. Large ones go and come through slices,
// so that they are not copied once more to the stack: Many is 1 then.
func arrays[T any]() {
	var t T
	size := sizeOf(t)
	p := Party{Role: "queue " + SizeName(size), Size: size}
	if size > 1<<10 {
		p.Many = 1
	}
	for _, s := range Shapes {
		flow("Queue/impl=carom/"+ShapeName(s[0], s[1])+"/size="+SizeName(size), s[0], s[1], p, queueOf[T](size))
	}
	Roles[p.Role+" put"] = queuePut(func(int) (t T) { return t })
	Roles[p.Role+" get"] = queueGet[T]
}

func queuePut[T any](fresh func(size int) T) Role {
	return func(_ context.Context, m *carom.Manager, p Party) (Share, error) {
		q, err := carom.OpenQueue[T](m, p.Object)
		if err != nil {
			return nil, err
		}
		if p.Many == 0 {
			item := fresh(p.Size)
			return Taking(m, p, func(ctx context.Context, n int) error {
				for range n {
					if err := q.Put(ctx, item); err != nil {
						return err
					}
				}
				return nil
			})
		}
		batch := make([]T, p.Many)
		for i := range batch {
			batch[i] = fresh(p.Size)
		}
		return Taking(m, p, func(ctx context.Context, n int) error {
			for n > 0 {
				did, err := q.PutMany(ctx, batch[:min(n, len(batch))])
				if err != nil {
					return err
				}
				n -= did
			}
			return nil
		})
	}
}

func queueGet[T any](_ context.Context, m *carom.Manager, p Party) (Share, error) {
	q, err := carom.OpenQueue[T](m, p.Object)
	if err != nil {
		return nil, err
	}
	if p.Many == 0 {
		return Taking(m, p, func(ctx context.Context, n int) error {
			for range n {
				if _, err := q.Get(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	batch := make([]T, p.Many)
	return Taking(m, p, func(ctx context.Context, n int) error {
		for n > 0 {
			did, err := q.GetMany(ctx, batch[:min(n, len(batch))])
			if err != nil {
				return err
			}
			n -= did
		}
		return nil
	})
}
