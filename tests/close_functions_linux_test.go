package tests

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// functionScene is an object whose call runs a function of the user's.
type functionScene struct {
	names []string
	h     closer
	keep  []closer
	call  func(ctx context.Context, f func()) error
	// check says what is wrong after the call, in which f ran, ended with err.
	check func(err error) error
}

// functionRows are the methods that run the user's function.
var functionRows = map[string]func(p *closePlace, name string) *functionScene{
	"Lock.Do": func(p *closePlace, name string) *functionScene {
		base, l := carom.Must(carom.NewLock(p.base, name)), carom.Must(carom.NewLock(p.m, name))
		return &functionScene{h: l, keep: []closer{base},
			call: func(ctx context.Context, f func()) error {
				return l.Do(ctx, func() error { f(); return nil })
			},
			check: func(err error) error { return errors.Join(err, unlocked(base)) }}
	},
	"RLock.Do": func(p *closePlace, name string) *functionScene {
		base, l := carom.Must(carom.NewRLock(p.base, name)), carom.Must(carom.NewRLock(p.m, name))
		return &functionScene{h: l, keep: []closer{base},
			call: func(ctx context.Context, f func()) error {
				return l.Do(ctx, func(context.Context) error { f(); return nil })
			},
			check: func(err error) error {
				held, lerr := base.TryLock(p.Context())
				if lerr == nil {
					lerr = base.Unlock(held)
				}
				return errors.Join(err, lerr)
			}}
	},
	"Value[int64].Update":  updateFunction[int64],
	"Value[struct].Update": updateFunction[wideValue],
	"Array.Do": func(p *closePlace, name string) *functionScene {
		base, a := carom.Must(carom.NewArray[int64](p.base, name, 9)), carom.Must(carom.NewArray[int64](p.m, name, 9))
		return &functionScene{h: a, keep: []closer{base},
			call: func(ctx context.Context, f func()) error {
				return a.Do(ctx, func(s []int64) error {
					f()
					s[8]++
					return nil
				})
			},
			check: func(err error) error {
				lock := base.Lock()
				defer lock.Close()
				return errors.Join(stored(err, base.Load(8)), unlocked(lock))
			}}
	},
	"Condition.WaitFor": func(p *closePlace, name string) *functionScene {
		s := &functionScene{names: []string{name + " lock"}}
		lock := carom.Must(carom.NewLock(p.m, s.names[0]))
		c := carom.Must(carom.NewCondition(p.m, name, lock))
		s.h, s.keep = c, []closer{lock}
		s.call = func(ctx context.Context, f func()) error {
			if err := lock.Lock(ctx); err != nil {
				return err
			}
			return c.WaitFor(ctx, func() bool { f(); return true })
		}
		s.check = func(err error) error {
			if errors.Is(err, carom.ErrClosed) {
				err = nil
			}
			return errors.Join(err, lock.Unlock())
		}
		return s
	},
	"Barrier.Wait": func(p *closePlace, name string) *functionScene {
		var f atomic.Pointer[func()]
		b := carom.Must(carom.NewBarrier(p.m, name, 2, carom.BarrierAction(func() error { (*f.Load())(); return nil })))
		base := carom.Must(carom.OpenBarrier(p.base, name))
		first := make(chan error, 1)
		return &functionScene{h: b, keep: []closer{base},
			call: func(ctx context.Context, g func()) error {
				f.Store(&g)
				go func() {
					ctx, cancel := context.WithTimeout(context.Background(), promptly)
					defer cancel()
					_, err := base.Wait(ctx)
					first <- err
				}()
				eventually(p, "the other party waits", func() bool { return base.Waiting() == 1 })
				_, err := b.Wait(ctx)
				return err
			},
			check: func(err error) error {
				if !errors.Is(err, carom.ErrClosed) {
					return errors.Join(err, <-first)
				}
				_, err = base.Wait(p.Context()) // it left, so the first waits for another party
				return errors.Join(err, <-first)
			}}
	},
	"Dict.Compute": func(p *closePlace, name string) *functionScene {
		base, d := carom.Must(carom.NewDict[string, int64](p.base, name)), carom.Must(carom.NewDict[string, int64](p.m, name))
		return &functionScene{h: d, keep: []closer{base},
			call: func(ctx context.Context, f func()) error {
				_, err := d.Compute(ctx, "key", func(old int64, _ bool) (int64, error) { f(); return old + 1, nil })
				return err
			},
			check: func(err error) error {
				n, _, gerr := base.Get(p.Context(), "key")
				return errors.Join(gerr, stored(err, n))
			}}
	},
	"Dict.Watch": func(p *closePlace, name string) *functionScene {
		base, d := carom.Must(carom.NewDict[string, int64](p.base, name)), carom.Must(carom.NewDict[string, int64](p.m, name))
		return &functionScene{h: d, keep: []closer{base},
			call: func(ctx context.Context, f func()) error {
				changes := d.Watch(ctx, "key")
				if err := base.Set(ctx, "key", 1); err != nil {
					return err
				}
				for _, err := range changes {
					if err != nil {
						return err
					}
					f()
				}
				return nil
			},
			check: mustBeClosed}
	},
	"Queue.All": func(p *closePlace, name string) *functionScene {
		base, q := carom.Must(carom.NewQueue[int64](p.base, name)), carom.Must(carom.NewQueue[int64](p.m, name))
		return &functionScene{h: q, keep: []closer{base},
			call: func(ctx context.Context, f func()) error {
				must(base.TryPut(1))
				for _, err := range q.All(ctx) {
					if err != nil {
						return err
					}
					f()
				}
				return nil
			},
			check: mustBeClosed}
	},
}

func updateFunction[T int64 | wideValue](p *closePlace, name string) *functionScene {
	base, v := carom.Must(carom.NewValue[T](p.base, name)), carom.Must(carom.NewValue[T](p.m, name))
	return &functionScene{h: v, keep: []closer{base},
		call: func(ctx context.Context, f func()) error {
			return v.Update(ctx, func(t *T) error { f(); addOne(t); return nil })
		},
		check: func(err error) error {
			lock := base.Lock()
			defer lock.Close()
			return errors.Join(stored(err, firstWord(base.Load())), unlocked(lock))
		}}
}

// stored says that what a call answered is not what it did.
func stored(err error, n int64) error {
	switch {
	case err == nil && n == 1, errors.Is(err, carom.ErrClosed) && n == 0:
		return nil
	}
	return fmt.Errorf("the call answered %v, and stored %d times", err, n)
}

func mustBeClosed(err error) error {
	if !errors.Is(err, carom.ErrClosed) {
		return fmt.Errorf("the range ended with %v", err)
	}
	return nil
}

// closeInsideFunction closes a handle while a function that was given to its method runs, and
// in that function. Close does not wait for it, the function may go on to the end, and the call
// answers what it did.
func closeInsideFunction(t *testing.T, p *closePlace) {
	hung := 0
	for _, what := range slices.Sorted(maps.Keys(functionRows)) {
		for _, itself := range []bool{false, true} {
			if hung > 1 {
				break
			}
			t.Run(fmt.Sprintf("%s/itself=%t", what, itself), func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), promptly)
				defer cancel()
				name := p.name()
				s := functionRows[what](p, name)
				entered, leave := make(chan struct{}), make(chan struct{})
				var n atomic.Int64
				c := call(ctx, func(ctx context.Context) error {
					return s.call(ctx, func() {
						if n.Add(1) > 1 { // once more, as Compute may
							return
						}
						if itself {
							must(s.h.Close())
						}
						close(entered)
						<-leave
					})
				})
				receive(t, entered)
				if !itself {
					require.NoError(t, closed(s.h))
				}
				close(leave)
				err := c.end(time.Now().Add(promptly))
				if errors.Is(err, errHangs) {
					hung++
				}
				require.NoError(t, s.check(err))
				for _, h := range s.keep {
					require.NoError(t, closed(h))
				}
				for _, name := range append(s.names, name) {
					require.NoError(t, p.base.Remove(ctx, name))
				}
			})
		}
	}
}

// closeInsideArrayDo has Do's function write to the array's memory after the handle was
// closed and the array removed: the memory is the array's until the function returns, though
// another process takes all that is free.
func closeInsideArrayDo(t *testing.T, p *closePlace) {
	p.filler()
	var calls []*calling
	leave := make(chan struct{})
	goOn := sync.OnceFunc(func() { close(leave) })
	defer goOn()
	for k := range 100 {
		name := p.name()
		n := 1 << (k % 10)
		a := carom.Must(carom.NewArray[int64](p.m, name, n))
		entered := make(chan struct{})
		calls = append(calls, call(t.Context(), func(ctx context.Context) error {
			return a.Do(ctx, func(s []int64) error {
				close(entered)
				<-leave
				for i := range s {
					if s[i] != 0 {
						return fmt.Errorf("element %d is %#x, and nobody wrote that", i, s[i])
					}
					s[i] = -1
				}
				return nil
			})
		}))
		receive(t, entered)
		require.NoError(t, closed(a))
		require.NoError(t, p.base.Remove(t.Context(), name))
	}
	require.Empty(t, p.filled("fill"))
	goOn()
	deadline := time.Now().Add(promptly)
	for _, c := range calls {
		if err := c.end(deadline); err != nil && !(p.remote && errors.Is(err, carom.ErrClosed)) {
			t.Error(err)
		}
	}
	require.Empty(t, p.filled("check"))
}

// closeBesideArrayDo closes an array's handle while calls of Do begin: the function has the
// whole array or is not called.
func closeBesideArrayDo(t *testing.T, p *closePlace) {
	name := p.name()
	base := carom.Must(carom.NewArray[int64](p.base, name, 7))
	rounds := 3000
	if p.remote {
		rounds = 150
	}
	if raced {
		rounds /= 10
	}
	ran, done := int64(0), int64(0)
	for range rounds {
		a := carom.Must(carom.NewArray[int64](p.m, name, 7))
		c := call(t.Context(), func(ctx context.Context) error {
			for {
				err := a.Do(ctx, func(s []int64) error {
					if len(s) != 7 {
						return fmt.Errorf("f was called with %d elements", len(s))
					}
					ran++
					s[3]++
					return nil
				})
				if err != nil {
					return err
				}
				done++
				runtime.Gosched()
			}
		})
		p.spin(20 * time.Microsecond)
		require.NoError(t, closed(a))
		require.ErrorIs(t, c.end(time.Now().Add(promptly)), carom.ErrClosed)
	}
	require.EqualValues(t, done, base.Load(3))
	if !p.remote {
		require.Equal(t, ran, done, "calls whose function ran say that they failed")
	}
	lock := base.Lock()
	require.NoError(t, unlocked(lock))
	require.NoError(t, lock.Close())
	require.NoError(t, base.Close())
	require.NoError(t, p.base.Remove(t.Context(), name))
	t.Logf("%d calls", done)
}
