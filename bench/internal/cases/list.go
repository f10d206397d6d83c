package cases

import "github.com/carom-ipc/carom"

// ListItems is how many items the list of ListAll has; an operation is one item.
const ListItems = 1000

func init() {
	for _, way := range ways {
		list := func(family string, loop func(e *Env, l *carom.List[int], n int) error) {
			Add(InProcess(family+"/impl=carom/way="+way.name, 0, func(e *Env) (func(int) error, error) {
				e, err := e.Apart(way.options)
				if err != nil {
					return nil, err
				}
				l, err := carom.NewList[int](e.M, "")
				if _, err := own(e, l, err); err != nil {
					return nil, err
				}
				for i := range ListItems {
					if err := l.Append(e.Ctx, i); err != nil {
						return nil, err
					}
				}
				return func(n int) error { return loop(e, l, n) }, nil
			}))
		}
		// What is appended goes again, before the list grows long.
		list("ListAppend", func(e *Env, l *carom.List[int], n int) error {
			for i := range n {
				if err := l.Append(e.Ctx, i); err != nil {
					return err
				}
				if i%10000 == 9999 {
					if err := l.Clear(e.Ctx); err != nil {
						return err
					}
				}
			}
			return l.Clear(e.Ctx)
		})
		list("ListAll", func(e *Env, l *carom.List[int], n int) error {
			for n > 0 {
				for _, err := range l.All(e.Ctx) {
					if err != nil {
						return err
					}
					n--
				}
			}
			return nil
		})
	}
}
