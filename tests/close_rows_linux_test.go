package tests

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/carom-ipc/carom"
)

// sharing says when a second grant is needed for the second of two calls to succeed.
type sharing int

const (
	never    sharing = iota // a grant is for all
	ifTaken                 // a grant is for one call, the first may have taken it
	ifClosed                // a grant is for two calls, and the first has left
)

// closeScene is one object, on which calls wait.
type closeScene struct {
	name string
	// open gives one more handle, and a call on it that waits until it is granted what it
	// wants.
	open  func() (closer, func(context.Context) error)
	grant func() error
	again sharing
	// inside says how many calls have come to wait: where that decides what a grant does.
	inside func() int
	// check says what is wrong after a call that ended with ErrClosed and one that succeeded,
	// with both handles closed.
	check func() error
	keep  []closer // other handles
	late  []closer // handles that a call uses when its own is closed, and what names they have
	later []string
}

// closeRow is a method that waits.
type closeRow struct {
	kind, method string
	set          func(p *closePlace, name string) *closeScene
}

// permits says that handles leave permits with their process, which keep the object attached.
func (r closeRow) permits() bool {
	return r.kind == "Semaphore with Permits" || r.kind == "BoundedSemaphore"
}

func (r closeRow) String() string { return r.kind + "." + r.method }

type wideValue [12]int64

// closeRows are all methods of all kinds that wait for something else than the coordinator's
// answer.
func closeRows() (rows []closeRow) {
	add := func(kind, method string, set func(p *closePlace, name string) *closeScene) {
		if r := (closeRow{kind, method, set}); strings.Contains(r.String(), *closeOnly) {
			rows = append(rows, r)
		}
	}
	add("Value[int64]", "Update", updateScene[int64])
	add("Value[struct]", "Update", updateScene[wideValue])
	add("Array", "Do", arrayScene)
	for method, f := range lockMethods {
		add("Lock", method, lockScene(f, func(p *closePlace, m *carom.Manager, name string) (*carom.Lock, closer) {
			l := carom.Must(carom.NewLock(m, name))
			return l, nil
		}))
		add("Value's Lock", method, lockScene(f, func(p *closePlace, m *carom.Manager, name string) (*carom.Lock, closer) {
			v := carom.Must(carom.NewValue[int64](m, name))
			return v.Lock(), v
		}))
		add("Array's Lock", method, lockScene(f, func(p *closePlace, m *carom.Manager, name string) (*carom.Lock, closer) {
			a := carom.Must(carom.NewArray[int64](m, name, 3))
			return a.Lock(), a
		}))
	}
	for _, method := range []string{"Lock", "Recover", "Do"} {
		add("RLock", method, rlockScene(method))
	}
	for _, method := range []string{"Get", "GetInto", "GetMany", "All"} {
		add("Queue", method, getScene(method, 8, false))
		add("Queue with Cap", method, getScene(method, 8, false, carom.Cap(3)))
		add("Queue of large items", method, getScene(method, 20_000, false))
		add("Queue with AtLeastOnce", method, getScene(method, 8, true, carom.AtLeastOnce()))
		add("Queue of large items with AtLeastOnce", method, getScene(method, 20_000, true, carom.AtLeastOnce()))
	}
	for _, method := range []string{"Put", "PutMany"} {
		add("Queue with Cap", method, putScene(method, 8, carom.Cap(1)))
		add("Queue of large items with Cap", method, putScene(method, 20_000, carom.Cap(1)))
		add("Queue with AtLeastOnce and Cap", method, putScene(method, 8, carom.Cap(1), carom.AtLeastOnce()))
	}
	add("Queue", "Join", joinScene())
	add("Queue with AtLeastOnce", "Join", joinScene(carom.AtLeastOnce()))
	add("ByteQueue", "Receive", receiveScene)
	add("ByteQueue with Cap", "CommitContext", commitScene(func(ctx context.Context, q *carom.ByteQueue, b []byte) error { return q.CommitContext(ctx, b) }))
	add("ByteQueue with Cap", "Commit", commitScene(func(_ context.Context, q *carom.ByteQueue, b []byte) error { return q.Commit(b) }))
	add("Semaphore", "Acquire", semaphoreScene(0, 0, func(m *carom.Manager, name string) *carom.Semaphore {
		return carom.Must(carom.NewSemaphore(m, name, 0))
	}))
	add("Semaphore with Permits", "Acquire", semaphoreScene(2, 2, func(m *carom.Manager, name string) *carom.Semaphore {
		return carom.Must(carom.NewSemaphore(m, name, 2, carom.Permits()))
	}))
	add("BoundedSemaphore", "Acquire", semaphoreScene(2, 2, func(m *carom.Manager, name string) *carom.Semaphore {
		return &carom.Must(carom.NewBoundedSemaphore(m, name, 2)).Semaphore
	}))
	for _, method := range []string{"Wait", "WaitFor"} {
		add("Condition", method, conditionScene(method, false))
		add("Condition with a lock", method, conditionScene(method, true))
	}
	add("Event", "Wait", eventScene)
	add("Barrier", "Wait", barrierScene)
	add("Dict", "Watch", watchScene)
	add("Ref", "Call", refScene("Wait"))
	add("Ref", "Iterate", refScene("Items"))
	slices.SortFunc(rows, func(a, b closeRow) int { return strings.Compare(a.String(), b.String()) })
	return rows
}

func updateScene[T int64 | wideValue](p *closePlace, name string) *closeScene {
	v := carom.Must(carom.NewValue[T](p.base, name))
	lock := v.Lock()
	s := &closeScene{keep: []closer{lock, v}, grant: lock.Unlock}
	must(lock.Lock(p.Context()))
	var done atomic.Int64
	s.open = func() (closer, func(context.Context) error) {
		v := carom.Must(carom.NewValue[T](p.m, name))
		return v, func(ctx context.Context) error {
			err := v.Update(ctx, func(t *T) error { addOne(t); return nil })
			if err == nil {
				done.Add(1)
			}
			return err
		}
	}
	s.check = func() error {
		if got := firstWord(v.Load()); got != done.Load() {
			return fmt.Errorf("%d updates succeeded, the value has seen %d", done.Load(), got)
		}
		return unlocked(lock)
	}
	return s
}

func addOne[T int64 | wideValue](t *T) {
	switch t := any(t).(type) {
	case *int64:
		*t++
	case *wideValue:
		for i := range t {
			t[i]++
		}
	}
}

// firstWord is -1 of a torn value.
func firstWord[T int64 | wideValue](t T) int64 {
	switch t := any(t).(type) {
	case int64:
		return t
	case wideValue:
		for _, x := range t {
			if x != t[0] {
				return -1
			}
		}
		return t[0]
	}
	return -1
}

// unlocked says that a lock is not free.
func unlocked(l *carom.Lock) error {
	if err := l.TryLock(); err != nil {
		return fmt.Errorf("the lock is not free: %w", err)
	}
	return l.Unlock()
}

func arrayScene(p *closePlace, name string) *closeScene {
	a := carom.Must(carom.NewArray[int64](p.base, name, 100))
	lock := a.Lock()
	must(lock.Lock(p.Context()))
	var done atomic.Int64
	s := &closeScene{keep: []closer{lock, a}, grant: lock.Unlock}
	s.open = func() (closer, func(context.Context) error) {
		a := carom.Must(carom.NewArray[int64](p.m, name, 100))
		return a, func(ctx context.Context) error {
			short := false
			err := a.Do(ctx, func(s []int64) error {
				if short = len(s) != 100; !short {
					s[0]++
					s[99]++
				}
				return nil
			})
			if short {
				return errors.New("f was called with another slice than the array's")
			}
			if err == nil {
				done.Add(1)
			}
			return err
		}
	}
	s.check = func() error {
		if x, y := a.Load(0), a.Load(99); x != done.Load() || y != x {
			return fmt.Errorf("%d calls succeeded, the array has seen %d and %d", done.Load(), x, y)
		}
		return unlocked(lock)
	}
	return s
}

// lockMethod is a way to acquire a lock; passes says that it gives it up again by itself.
type lockMethod struct {
	acquire func(ctx context.Context, l *carom.Lock) error
	passes  bool
}

var lockMethods = map[string]lockMethod{
	"Lock":    {acquire: func(ctx context.Context, l *carom.Lock) error { return l.Lock(ctx) }},
	"Recover": {acquire: func(ctx context.Context, l *carom.Lock) error { return l.Recover(ctx) }},
	"Do": {acquire: func(ctx context.Context, l *carom.Lock) error {
		return l.Do(ctx, func() error { return nil })
	}, passes: true},
	"Locker": {acquire: func(_ context.Context, l *carom.Lock) (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = r.(error)
			}
		}()
		l.Locker().Lock()
		return nil
	}},
}

func lockScene(method lockMethod, open func(p *closePlace, m *carom.Manager, name string) (*carom.Lock, closer)) func(*closePlace, string) *closeScene {
	return func(p *closePlace, name string) *closeScene {
		base, whole := open(p, p.base, name)
		must(base.Lock(p.Context()))
		s := &closeScene{grant: base.Unlock, again: ifTaken, keep: []closer{base}}
		var mu sync.Mutex
		if whole != nil {
			s.keep = append(s.keep, whole)
		}
		if method.passes {
			s.again = never
		}
		s.open = func() (closer, func(context.Context) error) {
			l, whole := open(p, p.m, name)
			if whole != nil {
				mu.Lock()
				s.keep = append(s.keep, whole)
				mu.Unlock()
			}
			return l, func(ctx context.Context) error { return method.acquire(ctx, l) }
		}
		s.check = func() error {
			if !method.passes { // the one that succeeded holds it
				if err := base.Unlock(); err != nil {
					return fmt.Errorf("nobody holds the lock: %w", err)
				}
			}
			return unlocked(base)
		}
		return s
	}
}

func rlockScene(method string) func(p *closePlace, name string) *closeScene {
	return func(p *closePlace, name string) *closeScene {
		base := carom.Must(carom.NewRLock(p.base, name))
		keeper := carom.Must(carom.NewRLock(p.m, name))
		held := carom.Must(base.Lock(p.Context()))
		s := &closeScene{keep: []closer{base, keeper}, grant: func() error { return base.Unlock(held) }}
		s.open = func() (closer, func(context.Context) error) {
			l := carom.Must(carom.NewRLock(p.m, name))
			return l, func(ctx context.Context) (err error) {
				switch method {
				case "Do":
					return l.Do(ctx, func(context.Context) error { return nil })
				case "Lock":
					ctx, err = l.Lock(ctx)
				case "Recover":
					ctx, err = l.Recover(ctx)
				}
				if err != nil {
					return err
				}
				return keeper.Unlock(ctx)
			}
		}
		s.check = func() error {
			held, err := base.TryLock(p.Context())
			if err != nil {
				return fmt.Errorf("the lock is not free: %w", err)
			}
			return base.Unlock(held)
		}
		return s
	}
}

// getScene takes items. What a handle with AtLeastOnce took goes back when it is closed.
func getScene(method string, size int, sure bool, opts ...carom.Option) func(p *closePlace, name string) *closeScene {
	return func(p *closePlace, name string) *closeScene {
		base := carom.Must(carom.NewQueue[[]byte](p.base, name, opts...))
		s := &closeScene{keep: []closer{base}, again: ifTaken}
		if sure {
			s.again = never
		}
		s.grant = func() error { return base.TryPut(make([]byte, size)) }
		s.open = func() (closer, func(context.Context) error) {
			q := carom.Must(carom.OpenQueue[[]byte](p.m, name))
			return q, func(ctx context.Context) (err error) {
				var item []byte
				switch method {
				case "Get":
					item, err = q.Get(ctx)
				case "GetInto":
					err = q.GetInto(ctx, &item)
				case "GetMany":
					var list [2][]byte
					var n int
					if n, err = q.GetMany(ctx, list[:]); err == nil && n != 1 || err != nil && n != 0 {
						return fmt.Errorf("%d items, with the error %v", n, err)
					}
					item = list[0]
				case "All":
					next, stop := iter.Pull2(q.All(ctx))
					defer stop()
					item, err, _ = next()
				}
				if err == nil && len(item) != size {
					return fmt.Errorf("an item of %d bytes", len(item))
				}
				return err
			}
		}
		s.check = func() error {
			if sure {
				ctx, cancel := context.WithTimeout(p.Context(), promptly)
				defer cancel()
				if _, err := base.Get(ctx); err != nil {
					return fmt.Errorf("what a closed handle had taken is not back: %w", err)
				}
				if err := base.TaskDone(); err != nil {
					return err
				}
				if err := base.Join(ctx); err != nil {
					return fmt.Errorf("Join: %w", err)
				}
			}
			if n := base.Len(); n != 0 {
				return fmt.Errorf("%d items are left", n)
			}
			return nil
		}
		return s
	}
}

func putScene(method string, size int, opts ...carom.Option) func(p *closePlace, name string) *closeScene {
	return func(p *closePlace, name string) *closeScene {
		base := carom.Must(carom.NewQueue[[]byte](p.base, name, opts...))
		must(base.TryPut(make([]byte, size)))
		s := &closeScene{keep: []closer{base}, again: ifTaken}
		take := func() error {
			ctx, cancel := context.WithTimeout(p.Context(), promptly)
			defer cancel()
			_, err := base.Get(ctx)
			return errors.Join(err, base.TaskDone())
		}
		s.grant = take
		s.open = func() (closer, func(context.Context) error) {
			q := carom.Must(carom.OpenQueue[[]byte](p.m, name))
			return q, func(ctx context.Context) error {
				if method == "Put" {
					return q.Put(ctx, make([]byte, size))
				}
				n, err := q.PutMany(ctx, [][]byte{make([]byte, size)})
				if err == nil && n != 1 || err != nil && n != 0 {
					return fmt.Errorf("%d items, with the error %v", n, err)
				}
				return err
			}
		}
		s.check = func() error {
			if n := base.Len(); n != 1 {
				return fmt.Errorf("%d items are left, want 1", n)
			}
			return take()
		}
		return s
	}
}

func joinScene(opts ...carom.Option) func(p *closePlace, name string) *closeScene {
	return func(p *closePlace, name string) *closeScene {
		base := carom.Must(carom.NewQueue[int64](p.base, name, opts...))
		must(base.TryPut(1))
		carom.Must(base.TryGet())
		s := &closeScene{keep: []closer{base}, grant: base.TaskDone, check: func() error { return nil }}
		s.open = func() (closer, func(context.Context) error) {
			q := carom.Must(carom.OpenQueue[int64](p.m, name))
			return q, q.Join
		}
		return s
	}
}

func receiveScene(p *closePlace, name string) *closeScene {
	base := carom.Must(carom.NewByteQueue(p.base, name))
	s := &closeScene{keep: []closer{base}, again: ifTaken}
	s.grant = func() error {
		b, err := base.Reserve(p.Context(), 5000)
		return errors.Join(err, base.Commit(b))
	}
	s.open = func() (closer, func(context.Context) error) {
		q := carom.Must(carom.OpenByteQueue(p.m, name))
		return q, func(ctx context.Context) error {
			_, err := q.Receive(ctx)
			return err
		}
	}
	s.check = func() error {
		if n := base.Len(); n != 0 {
			return fmt.Errorf("%d items are left", n)
		}
		return nil
	}
	return s
}

func commitScene(commit func(context.Context, *carom.ByteQueue, []byte) error) func(p *closePlace, name string) *closeScene {
	return func(p *closePlace, name string) *closeScene {
		base := carom.Must(carom.NewByteQueue(p.base, name, carom.Cap(1)))
		must(base.Commit(carom.Must(base.Reserve(p.Context(), 5000))))
		s := &closeScene{keep: []closer{base}, again: ifTaken}
		s.grant = func() error {
			ctx, cancel := context.WithTimeout(p.Context(), promptly)
			defer cancel()
			b, err := base.Receive(ctx)
			return errors.Join(err, base.Release(b))
		}
		s.open = func() (closer, func(context.Context) error) {
			q := carom.Must(carom.OpenByteQueue(p.m, name))
			b := carom.Must(q.Reserve(p.Context(), 5000))
			return q, func(ctx context.Context) error { return commit(ctx, q, b) }
		}
		s.check = func() error {
			if n := base.Len(); n != 1 {
				return fmt.Errorf("%d items are left, want 1", n)
			}
			return s.grant()
		}
		return s
	}
}

// semaphoreScene has a semaphore without a unit left; in the end it must have so many.
func semaphoreScene(held, all int, open func(m *carom.Manager, name string) *carom.Semaphore) func(p *closePlace, name string) *closeScene {
	return func(p *closePlace, name string) *closeScene {
		base := open(p.base, name)
		for range held {
			must(base.TryAcquire())
		}
		keeper := open(p.m, name)
		s := &closeScene{keep: []closer{base, keeper}, again: ifTaken}
		mine := held // that base has
		s.grant = func() error {
			mine--
			return base.Release()
		}
		var taken atomic.Int64
		s.open = func() (closer, func(context.Context) error) {
			h := open(p.m, name)
			return h, func(ctx context.Context) error {
				err := h.Acquire(ctx)
				if err == nil {
					taken.Add(1)
				}
				return err
			}
		}
		s.check = func() error {
			if n := base.Value(); n != 0 {
				return fmt.Errorf("%d units are free, though all are held", n)
			}
			if held == 0 {
				return nil
			}
			if n := mine + int(taken.Load()); n != held {
				return fmt.Errorf("%d of %d permits were taken", n, held)
			}
			// Each process gives back what it holds, of handles that are closed as well.
			if err := errors.Join(base.Release(mine), keeper.Release(int(taken.Load()))); err != nil {
				return fmt.Errorf("a permit is not held any more: %w", err)
			}
			if n := base.Value(); n != all {
				return fmt.Errorf("%d units are free, want %d", n, all)
			}
			return nil
		}
		return s
	}
}

// conditionScene waits for notifications. A Wait on a closed handle returns as a cancelled
// one does: with the lock, if it was given one. The lock that belongs to the condition is
// closed with it; whether Wait still takes it shows the first time, see keptLock.
func conditionScene(method string, given bool) func(p *closePlace, name string) *closeScene {
	return func(p *closePlace, name string) *closeScene {
		var lock, baseLock *carom.Lock
		s := &closeScene{again: ifTaken}
		if given {
			s.later = []string{name + " lock"}
			baseLock = carom.Must(carom.NewLock(p.base, s.later[0]))
			lock = carom.Must(carom.NewLock(p.m, s.later[0]))
			s.late = []closer{lock, baseLock}
		}
		base := carom.Must(carom.NewCondition(p.base, name, baseLock))
		kept := false
		if !given {
			kept = keptLock(p)
		}
		s.keep = append(s.keep, base)
		var waiting atomic.Int64 // changed with the lock held
		var tokens atomic.Int64  // likewise
		s.inside = func() int { return int(waiting.Load()) }
		s.grant = func() error {
			ctx, cancel := context.WithTimeout(p.Context(), promptly)
			defer cancel()
			return base.L().Do(ctx, func() error {
				tokens.Add(1)
				return base.Notify(1)
			})
		}
		s.open = func() (closer, func(context.Context) error) {
			c := carom.Must(carom.NewCondition(p.m, name, lock))
			return c, func(ctx context.Context) error {
				if err := c.L().Lock(ctx); err != nil {
					return err
				}
				waiting.Add(1)
				var err error
				if method == "Wait" {
					err = c.Wait(ctx)
				} else {
					err = c.WaitFor(ctx, func() bool { return tokens.Load() > 0 })
				}
				if err == nil {
					tokens.Add(-1)
				}
				if err != nil && !given && !kept && errors.Is(err, carom.ErrClosed) {
					return err
				}
				unlock := c.L().Unlock()
				if errors.Is(unlock, carom.ErrClosed) && !given {
					unlock = base.L().Unlock() // any process may
				}
				if unlock != nil {
					return fmt.Errorf("Wait answered %v, and not with the lock held: %w", err, unlock)
				}
				return err
			}
		}
		s.check = func() error {
			if n := tokens.Load(); n != 0 {
				return fmt.Errorf("%d notifications are left", n)
			}
			return unlocked(base.L())
		}
		return s
	}
}

var (
	keptLocks   = map[*carom.Manager]bool{}
	keptLocksMu sync.Mutex
)

// keptLock reports whether a Wait that ends because its condition is closed returns with the
// condition's own lock held. Either will do if it is always so: with the lock, another handle
// can unlock it.
func keptLock(p *closePlace) bool {
	keptLocksMu.Lock()
	defer keptLocksMu.Unlock()
	if kept, known := keptLocks[p.m]; known {
		return kept
	}
	name := p.name()
	base, c := carom.Must(carom.NewCondition(p.base, name, nil)), carom.Must(carom.NewCondition(p.m, name, nil))
	ctx, cancel := context.WithTimeout(p.Context(), promptly)
	defer cancel()
	must(c.L().Lock(ctx))
	got := call(ctx, c.Wait)
	parked(p, got)
	must(closed(c))
	if err := <-got.got; !errors.Is(err, carom.ErrClosed) {
		p.Errorf("a Condition was closed, and Wait answered: %v", err)
	}
	kept := base.L().TryLock() != nil
	must(base.L().Unlock())
	keptLocks[p.m] = kept
	must(base.Close())
	must(p.base.Remove(p.Context(), name))
	return kept
}

func eventScene(p *closePlace, name string) *closeScene {
	base := carom.Must(carom.NewEvent(p.base, name))
	s := &closeScene{keep: []closer{base}, grant: base.Set}
	s.open = func() (closer, func(context.Context) error) {
		e := carom.Must(carom.OpenEvent(p.m, name))
		return e, e.Wait
	}
	s.check = func() error {
		if !base.IsSet() {
			return errors.New("the event is not set")
		}
		return nil
	}
	return s
}

// barrierScene is a barrier for three. A grant is one more party.
func barrierScene(p *closePlace, name string) *closeScene {
	base := carom.Must(carom.NewBarrier(p.base, name, 3))
	s := &closeScene{keep: []closer{base}, again: ifClosed}
	parties := make(chan error, 2)
	granted := 0
	s.grant = func() error {
		granted++
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), promptly)
			defer cancel()
			_, err := base.Wait(ctx)
			parties <- err
		}()
		return nil
	}
	s.open = func() (closer, func(context.Context) error) {
		b := carom.Must(carom.OpenBarrier(p.m, name))
		return b, func(ctx context.Context) error {
			_, err := b.Wait(ctx)
			return err
		}
	}
	s.check = func() error {
		for range granted {
			if err := <-parties; err != nil {
				return fmt.Errorf("another party: %w", err)
			}
		}
		if n := base.Waiting(); n != 0 || base.Broken() {
			return fmt.Errorf("%d wait, broken %t", n, base.Broken())
		}
		return nil
	}
	return s
}

func watchScene(p *closePlace, name string) *closeScene {
	base := carom.Must(carom.NewDict[string, int](p.base, name))
	var watching atomic.Int64
	s := &closeScene{keep: []closer{base}, inside: func() int { return int(watching.Load()) }}
	s.grant = func() error { return base.Set(p.Context(), "key", 1) }
	s.open = func() (closer, func(context.Context) error) {
		d := carom.Must(carom.OpenDict[string, int](p.m, name))
		return d, func(ctx context.Context) error {
			changes := d.Watch(ctx, "key") // subscribes
			watching.Add(1)
			for c, err := range changes {
				if err == nil && c.Value != 1 {
					err = fmt.Errorf("a change to %d", c.Value)
				}
				return err
			}
			return errors.New("the watch ended without an error")
		}
	}
	s.check = func() error { return nil }
	return s
}

// gate has methods that wait until it is opened, and a counter.
type gate struct {
	open chan struct{}
	once sync.Once
	n    atomic.Int64
}

var gates = carom.Register[*gate]("Gate of the closing tests", func() *gate { return &gate{open: make(chan struct{})} }, carom.Concurrent())

func (g *gate) Open() { g.once.Do(func() { close(g.open) }) }

func (g *gate) Wait(ctx context.Context) (int, error) {
	select {
	case <-g.open:
		return 1, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (g *gate) Items(ctx context.Context) iter.Seq[int] {
	return func(yield func(int) bool) {
		if _, err := g.Wait(ctx); err == nil {
			yield(1)
		}
	}
}

func (g *gate) Add() int   { return int(g.n.Add(1)) }
func (g *gate) Count() int { return int(g.n.Load()) }

func refScene(method string) func(p *closePlace, name string) *closeScene {
	return func(p *closePlace, name string) *closeScene {
		base := carom.Must(gates.New(p.base, name))
		s := &closeScene{keep: []closer{base}, check: func() error { return nil }}
		s.grant = func() error { return carom.Invoke(p.Context(), base, "Open") }
		s.open = func() (closer, func(context.Context) error) {
			r := carom.Must(gates.Open(p.m, name))
			return r, func(ctx context.Context) error {
				if method == "Wait" {
					_, err := carom.Call[int](ctx, r, method)
					return err
				}
				for _, err := range carom.Iterate[int](ctx, r, method) {
					return err
				}
				return errors.New("the stream ended without an item")
			}
		}
		return s
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
