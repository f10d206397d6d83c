package tests

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/carom-ipc/carom"
)

// Random operations through two attachments, compared step by step with a model in this
// process's own memory. Nothing here waits: what would is only tried.

// side draws which attachment an operation goes through.
func side(t *rapid.T) int { return rapid.IntRange(0, 1).Draw(t, "process") }

// discarded removes an object and closes its handles.
func discarded(t *rapid.T, m *carom.Manager, name string, handles ...interface{ Close() error }) {
	require.NoError(t, m.Remove(context.Background(), name))
	for _, h := range handles {
		require.NoError(t, h.Close())
	}
}

// wants requires an error, or none for nil.
func wants(t *rapid.T, err, want error) {
	if want == nil {
		require.NoError(t, err)
	} else {
		require.ErrorIs(t, err, want)
	}
}

func TestSemaphoreMachine(t *testing.T) {
	a, b := pair(t)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 4).Draw(t, "units")
		bounded, permits := rapid.Bool().Draw(t, "bounded"), rapid.Bool().Draw(t, "permits")
		var s [2]*carom.Semaphore
		if bounded {
			x := carom.Must(carom.NewBoundedSemaphore(a, "", n))
			s = [2]*carom.Semaphore{&x.Semaphore, &carom.Must(carom.OpenBoundedSemaphore(b, x.Name())).Semaphore}
		} else {
			var opts []carom.Option
			if permits {
				opts = append(opts, carom.Permits())
			}
			x := carom.Must(carom.NewSemaphore(a, "", n, opts...))
			s = [2]*carom.Semaphore{x, carom.Must(carom.OpenSemaphore(b, x.Name()))}
		}
		name := s[0].Name()
		value := n
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				require.Equal(t, value, s[0].Value())
				require.Equal(t, value, s[1].Value())
			},
			"acquire": func(t *rapid.T) {
				err := s[side(t)].TryAcquire()
				if value == 0 {
					require.ErrorIs(t, err, carom.ErrLocked)
					return
				}
				require.NoError(t, err)
				value--
			},
			"release": func(t *rapid.T) {
				k := rapid.IntRange(0, 3).Draw(t, "n")
				err := s[side(t)].Release(k)
				if bounded && value+k > n {
					require.ErrorIs(t, err, carom.ErrOverRelease)
					return
				}
				require.NoError(t, err)
				value += k
			},
		})
		discarded(t, a, name, s[0], s[1])
	})
	checked(t, a)
}

func TestQueueMachine(t *testing.T) {
	a, b := pair(t)
	rapid.Check(t, func(t *rapid.T) {
		before := a.Stats().Used
		limit := rapid.IntRange(0, 5).Draw(t, "cap")
		sure := rapid.Bool().Draw(t, "at least once")
		opts := []carom.Option{carom.Cap(limit)}
		if sure {
			opts = append(opts, carom.AtLeastOnce())
		}
		q := [2]*carom.Queue[string]{carom.Must(carom.NewQueue[string](a, "", opts...))}
		name := q[0].Name()
		q[1] = carom.Must(carom.OpenQueue[string](b, name))
		var items []string   // to be taken
		var back []string    // of those, the first so many were taken once
		var held [2][]string // taken and not confirmed
		var put, done int    // counts
		var closed bool      // for writing
		next := func() string { return rapid.StringN(0, 40, -1).Draw(t, "item") }
		others := func(i int) bool { return len(held[1-i]) > 0 && len(held[i]) == 0 }
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				for _, h := range q {
					require.Equal(t, len(items)+len(back), h.Len())
					require.Equal(t, limit > 0 && len(items)+len(back) >= limit, h.Full())
				}
			},
			"put": func(t *rapid.T) {
				v := next()
				if rapid.IntRange(0, 9).Draw(t, "large") == 0 {
					v += string(make([]byte, 20_000))
				}
				err := q[side(t)].TryPut(v)
				switch {
				case closed:
					require.ErrorIs(t, err, carom.ErrClosed)
				case limit > 0 && len(items)+len(back) >= limit:
					require.ErrorIs(t, err, carom.ErrFull)
				default:
					require.NoError(t, err)
					items = append(items, v)
					put++
				}
			},
			"get": func(t *rapid.T) {
				i := side(t)
				v, err := q[i].TryGet()
				switch {
				case len(back) > 0: // in some order before the others
					require.NoError(t, err)
					k := slices.Index(back, v)
					require.GreaterOrEqual(t, k, 0, "what went back comes first")
					back = slices.Delete(back, k, k+1)
				case len(items) > 0:
					require.NoError(t, err)
					require.Equal(t, items[0], v)
					items = items[1:]
				case closed && !(sure && others(i)):
					require.Equal(t, io.EOF, err)
					return
				default:
					require.ErrorIs(t, err, carom.ErrEmpty)
					return
				}
				if sure {
					held[i] = append(held[i], v)
				}
			},
			"task done": func(t *rapid.T) {
				i := side(t)
				err := q[i].TaskDone()
				if sure && len(held[i]) == 0 || !sure && done == put {
					require.ErrorIs(t, err, carom.ErrOverRelease)
					return
				}
				require.NoError(t, err)
				done++
				if sure {
					held[i] = held[i][1:]
				}
			},
			"join": func(t *rapid.T) {
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				err := q[side(t)].Join(ctx)
				if done == put {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, context.Canceled)
				}
			},
			"close and open": func(t *rapid.T) {
				i := side(t)
				require.NoError(t, q[i].Close())
				back = append(back, held[i]...)
				held[i] = nil
				q[i] = carom.Must(carom.OpenQueue[string]([2]*carom.Manager{a, b}[i], name))
			},
			"close write": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") > 0 {
					t.Skip()
				}
				err := q[side(t)].CloseWrite()
				if closed {
					require.ErrorIs(t, err, carom.ErrClosed)
				} else {
					require.NoError(t, err)
				}
				closed = true
			},
		})
		discarded(t, a, name, q[0], q[1])
		require.Equal(t, before, a.Stats().Used)
	})
	checked(t, a)
}

func TestLockMachine(t *testing.T) {
	test := t
	a, b := pair(t)
	other := again(t, a) // the one who dies
	rapid.Check(t, func(t *rapid.T) {
		auto := rapid.IntRange(0, 3).Draw(t, "auto") == 0
		var opts []carom.Option
		if auto {
			opts = append(opts, carom.AutoRecover())
		}
		l := [3]*carom.Lock{carom.Must(carom.NewLock(a, "", opts...))}
		name := l[0].Name()
		l[1] = carom.Must(carom.OpenLock(b, name))
		l[2] = carom.Must(carom.OpenLock(other, name))
		owner, died := -1, false
		fence := l[0].Fence()
		got := func(i int) { owner, died, fence = i, false, fence+1 }
		who := func(t *rapid.T) int { return rapid.IntRange(0, 2).Draw(t, "process") }
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { require.Equal(t, fence, l[0].Fence()) },
			"try": func(t *rapid.T) {
				i := who(t)
				err := l[i].TryLock()
				switch {
				case owner >= 0:
					require.ErrorIs(t, err, carom.ErrLocked)
				case died && !auto:
					require.ErrorIs(t, err, carom.ErrOwnerDied)
				default:
					require.NoError(t, err)
					got(i)
				}
			},
			"lock": func(t *rapid.T) {
				i := who(t)
				ctx, cancel := context.WithCancel(context.Background())
				if owner >= 0 {
					cancel()
				}
				err := l[i].Lock(ctx)
				cancel()
				switch {
				case owner >= 0:
					require.ErrorIs(t, err, context.Canceled)
				case died && !auto:
					require.ErrorIs(t, err, carom.ErrOwnerDied)
				default:
					require.NoError(t, err)
					got(i)
				}
			},
			"recover": func(t *rapid.T) {
				if owner >= 0 {
					t.Skip()
				}
				i := who(t)
				require.NoError(t, l[i].Recover(context.Background()))
				got(i)
			},
			"unlock": func(t *rapid.T) {
				err := l[who(t)].Unlock()
				if owner < 0 && !died {
					require.ErrorIs(t, err, carom.ErrNotLocked)
					return
				}
				require.NoError(t, err)
				owner, died = -1, false
			},
			"die": func(t *rapid.T) {
				if rapid.IntRange(0, 3).Draw(t, "really") > 0 {
					t.Skip()
				}
				addr, processes := other.Addr(), a.Stats().Processes
				require.NoError(t, other.Close())
				if remote { // its session goes a moment later
					eventually(test, "the session is swept", func() bool { return a.Stats().Processes < processes })
				}
				var err error
				other, err = carom.Connect(context.Background(), addr, &carom.Options{AuthKey: []byte("a secret")})
				require.NoError(t, err)
				l[2] = carom.Must(carom.OpenLock(other, name))
				if owner == 2 {
					owner, died = -1, true
				}
			},
		})
		discarded(t, a, name, l[0], l[1], l[2])
	})
	require.NoError(t, other.Close())
	checked(t, a)
}

func TestEventMachine(t *testing.T) {
	a, b := pair(t)
	rapid.Check(t, func(t *rapid.T) {
		e := [2]*carom.Event{carom.Must(carom.NewEvent(a, ""))}
		e[1] = carom.Must(carom.OpenEvent(b, e[0].Name()))
		set := false
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				require.Equal(t, set, e[0].IsSet())
				require.Equal(t, set, e[1].IsSet())
			},
			"set":   func(t *rapid.T) { require.NoError(t, e[side(t)].Set()); set = true },
			"clear": func(t *rapid.T) { require.NoError(t, e[side(t)].Clear()); set = false },
			"wait": func(t *rapid.T) {
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				err := e[side(t)].Wait(ctx)
				if set {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, context.Canceled)
				}
			},
		})
		discarded(t, a, e[0].Name(), e[0], e[1])
	})
}

func TestBarrierMachine(t *testing.T) {
	a, b := pair(t)
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		const parties = 3
		h := [2]*carom.Barrier{carom.Must(carom.NewBarrier(a, "", parties))}
		h[1] = carom.Must(carom.OpenBarrier(b, h[0].Name()))
		type party struct {
			got    <-chan error
			cancel context.CancelFunc
		}
		var in []party
		broken := false
		leave := func(want error) {
			for _, p := range in {
				err := receive(outer, p.got)
				p.cancel()
				wants(t, err, want)
			}
			in = nil
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				require.Equal(t, broken, h[0].Broken())
				require.Equal(t, len(in), h[1].Waiting())
			},
			"wait": func(t *rapid.T) {
				i := side(t)
				ctx, cancel := context.WithCancel(context.Background())
				got := result(func() error { _, err := h[i].Wait(ctx); return err })
				in = append(in, party{got, cancel})
				switch {
				case broken:
					leave(carom.ErrBroken)
				case len(in) == parties:
					leave(nil)
				default:
					eventually(outer, "it waits", func() bool { return h[0].Waiting() == len(in) })
				}
			},
			"cancel": func(t *rapid.T) {
				if len(in) == 0 {
					t.Skip()
				}
				k := rapid.IntRange(0, len(in)-1).Draw(t, "party")
				in[k].cancel()
				require.ErrorIs(t, receive(outer, in[k].got), context.Canceled)
				in = slices.Delete(in, k, k+1)
			},
			"reset": func(t *rapid.T) {
				require.NoError(t, h[side(t)].Reset())
				leave(carom.ErrBroken)
				broken = false
			},
			"abort": func(t *rapid.T) {
				require.NoError(t, h[side(t)].Abort())
				leave(carom.ErrBroken)
				broken = true
			},
		})
		require.NoError(t, h[0].Abort())
		leave(carom.ErrBroken)
		discarded(t, a, h[0].Name(), h[0], h[1])
	})
	checked(t, a)
}

func TestDictMachine(t *testing.T) {
	a, b := pair(t)
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		d := [2]*carom.Dict[string, int]{carom.Must(carom.NewDict[string, int](a, ""))}
		d[1] = carom.Must(carom.NewDict[string, int](b, d[0].Name()))
		model := map[string]int{}
		var order []string // of insertion
		key := func(t *rapid.T) string { return rapid.SampledFrom([]string{"", "a", "b", "c", "d"}).Draw(t, "key") }
		number := func(t *rapid.T) int { return rapid.IntRange(-5, 5).Draw(t, "value") }
		set := func(k string, v int) {
			if _, ok := model[k]; !ok {
				order = append(order, k)
			}
			model[k] = v
		}
		unset := func(k string) {
			delete(model, k)
			order = slices.DeleteFunc(order, func(o string) bool { return o == k })
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				i := side(t)
				got, err := d[i].Snapshot(ctx)
				require.NoError(t, err)
				require.True(t, maps.Equal(model, got), "%v, want %v", got, model)
				keys, err := d[i].Keys(ctx)
				require.NoError(t, err)
				require.True(t, slices.Equal(order, keys), "%v, want %v", keys, order)
				n, err := d[i].Len(ctx)
				require.NoError(t, err)
				require.Equal(t, len(model), n)
			},
			"get": func(t *rapid.T) {
				k := key(t)
				v, ok, err := d[side(t)].Get(ctx, k)
				require.NoError(t, err)
				want, has := model[k]
				require.Equal(t, has, ok)
				require.Equal(t, want, v)
			},
			"set": func(t *rapid.T) {
				k, v := key(t), number(t)
				require.NoError(t, d[side(t)].Set(ctx, k, v))
				set(k, v)
			},
			"set default": func(t *rapid.T) {
				k, v := key(t), number(t)
				actual, loaded, err := d[side(t)].SetDefault(ctx, k, v)
				require.NoError(t, err)
				old, has := model[k]
				require.Equal(t, has, loaded)
				if has {
					v = old
				}
				require.Equal(t, v, actual)
				set(k, v)
			},
			"pop": func(t *rapid.T) {
				k := key(t)
				v, ok, err := d[side(t)].Pop(ctx, k)
				require.NoError(t, err)
				want, has := model[k]
				require.Equal(t, has, ok)
				require.Equal(t, want, v)
				unset(k)
			},
			"pop item": func(t *rapid.T) {
				k, v, err := d[side(t)].PopItem(ctx)
				if len(order) == 0 {
					require.Error(t, err)
					return
				}
				require.NoError(t, err)
				require.Equal(t, order[len(order)-1], k, "the last, as in Python")
				require.Equal(t, model[k], v)
				unset(k)
			},
			"add": func(t *rapid.T) {
				k, v := key(t), number(t)
				sum, err := carom.AddKey(ctx, d[side(t)], k, v)
				require.NoError(t, err)
				set(k, model[k]+v)
				require.Equal(t, model[k], sum)
			},
			"compute": func(t *rapid.T) {
				k, v := key(t), number(t)
				oops := errors.New("oops")
				_, err := d[side(t)].Compute(ctx, k, func(old int, ok bool) (int, error) {
					if v < 0 {
						return 0, oops
					}
					return old*2 + v, nil
				})
				if v < 0 {
					require.ErrorIs(t, err, oops)
					return
				}
				require.NoError(t, err)
				set(k, model[k]*2+v)
			},
			"clear": func(t *rapid.T) {
				if rapid.IntRange(0, 4).Draw(t, "really") > 0 {
					t.Skip()
				}
				require.NoError(t, d[side(t)].Clear(ctx))
				clear(model)
				order = nil
			},
		})
		require.NoError(t, a.Remove(ctx, d[0].Name()))
	})
}

func TestListMachine(t *testing.T) {
	a, b := pair(t)
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		l := [2]*carom.List[int]{carom.Must(carom.NewList[int](a, ""))}
		l[1] = carom.Must(carom.NewList[int](b, l[0].Name()))
		var model []int
		number := func(t *rapid.T) int { return rapid.IntRange(0, 5).Draw(t, "value") }
		// place is an index, also from the end.
		place := func(t *rapid.T) (given, real int) {
			real = rapid.IntRange(0, len(model)-1).Draw(t, "index")
			if rapid.Bool().Draw(t, "from the end") {
				return real - len(model), real
			}
			return real, real
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				got, err := l[side(t)].Snapshot(ctx)
				require.NoError(t, err)
				require.True(t, slices.Equal(model, got), "%v, want %v", got, model)
			},
			"append": func(t *rapid.T) {
				v := rapid.SliceOfN(rapid.IntRange(0, 5), 1, 3).Draw(t, "values")
				require.NoError(t, l[side(t)].Append(ctx, v...))
				model = append(model, v...)
			},
			"insert": func(t *rapid.T) {
				i, v := rapid.IntRange(0, len(model)).Draw(t, "index"), number(t)
				require.NoError(t, l[side(t)].Insert(ctx, i, v))
				model = slices.Insert(model, i, v)
			},
			"get and set": func(t *rapid.T) {
				if len(model) == 0 {
					t.Skip()
				}
				i, k := place(t)
				v, err := l[side(t)].Get(ctx, i)
				require.NoError(t, err)
				require.Equal(t, model[k], v)
				v = number(t)
				require.NoError(t, l[side(t)].Set(ctx, i, v))
				model[k] = v
			},
			"pop": func(t *rapid.T) {
				if len(model) == 0 {
					_, err := l[side(t)].Pop(ctx, -1)
					require.Error(t, err)
					return
				}
				i, k := place(t)
				v, err := l[side(t)].Pop(ctx, i)
				require.NoError(t, err)
				require.Equal(t, model[k], v)
				model = slices.Delete(model, k, k+1)
			},
			"find": func(t *rapid.T) {
				v := number(t)
				has, err := l[side(t)].Contains(ctx, v)
				require.NoError(t, err)
				require.Equal(t, slices.Contains(model, v), has)
				n, err := l[side(t)].Count(ctx, v)
				require.NoError(t, err)
				want := 0
				for _, w := range model {
					if w == v {
						want++
					}
				}
				require.Equal(t, want, n)
			},
			"slice": func(t *rapid.T) {
				i := rapid.IntRange(0, len(model)).Draw(t, "from")
				j := rapid.IntRange(i, len(model)).Draw(t, "to")
				got, err := l[side(t)].Slice(ctx, i, j)
				require.NoError(t, err)
				require.True(t, slices.Equal(model[i:j], got))
				if rapid.Bool().Draw(t, "delete") {
					require.NoError(t, l[side(t)].Delete(ctx, i, j))
					model = slices.Delete(model, i, j)
				}
			},
			"reverse": func(t *rapid.T) {
				require.NoError(t, l[side(t)].Reverse(ctx))
				slices.Reverse(model)
			},
			"sort": func(t *rapid.T) {
				require.NoError(t, l[side(t)].Sort(ctx))
				slices.Sort(model)
			},
		})
		require.NoError(t, a.Remove(ctx, l[0].Name()))
	})
}
