package cases

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/carom-ipc/carom"
)

func init() {
	growths = append(growths,
		Growth{Title: "objects in memory", At: powers(1, 6), Open: amongValues},
		Growth{Title: "objects at the coordinator", At: powers(1, 5), Open: amongDicts})
}

// someNames are names of objects out of n, in no order.
func someNames(n int) []string {
	names := make([]string, 4096)
	for i := range names {
		names[i] = fmt.Sprintf("object/%d", rand.IntN(n))
	}
	return names
}

func amongValues(e *Env, x int) ([]Curve, error) {
	e, err := e.Apart(carom.Options{Memory: 1 << 30})
	if err != nil {
		return nil, err
	}
	for i := range x {
		v, err := carom.NewValue[int64](e.M, fmt.Sprintf("object/%d", i))
		if err != nil {
			return nil, err
		}
		if err := v.Close(); err != nil {
			return nil, err
		}
	}
	return memoryCurves(e, someNames(x))
}

// memoryCurves are operations of one process in the arena. names are of Values.
func memoryCurves(e *Env, names []string) ([]Curve, error) {
	v, err := carom.NewValue[int64](e.M, "")
	if _, err := own(e, v, err); err != nil {
		return nil, err
	}
	l, err := carom.NewLock(e.M, "")
	if _, err := own(e, l, err); err != nil {
		return nil, err
	}
	return []Curve{
		looped("Value.Add", func(int) error { carom.Add(v, 1); return nil }),
		looped("Lock and Unlock", func(int) error {
			if err := l.Lock(e.Ctx); err != nil {
				return err
			}
			return l.Unlock()
		}),
		looped("open and close", func(i int) error {
			o, err := carom.OpenValue[int64](e.M, names[i%len(names)])
			if err != nil {
				return err
			}
			return o.Close()
		}),
		looped("create and remove", func(int) error {
			o, err := carom.NewValue[int64](e.M, "another")
			if err != nil {
				return err
			}
			if err := o.Close(); err != nil {
				return err
			}
			return e.M.Remove(context.Background(), "another")
		}),
	}, nil
}

func amongDicts(e *Env, x int) ([]Curve, error) {
	e, err := e.Apart(carom.Options{Memory: 256 << 20})
	if err != nil {
		return nil, err
	}
	numbers := make(chan int, x)
	for i := range x {
		numbers <- i
	}
	err = Spread(min(64, x), x, func(n int) error {
		for range n {
			d, err := carom.NewDict[string, int](e.M, fmt.Sprintf("object/%d", <-numbers))
			if err != nil {
				return err
			}
			if err := d.Close(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	d, err := filledDict(e, DictEntries)
	if err != nil {
		return nil, err
	}
	names, keys := someNames(x), DictKeys(DictEntries)
	return []Curve{
		looped("Dict.Get", func(i int) error { return dictOp(d, "Get", keys)(e.Ctx, i) }),
		looped("open and close", func(i int) error {
			d, err := carom.OpenDict[string, int](e.M, names[i%len(names)])
			if err != nil {
				return err
			}
			return d.Close()
		}),
	}, nil
}
