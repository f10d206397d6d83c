package tests

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// A ledger has two counters for each thing that is done to an object: how often it was begun,
// and how often it was done. It is in shared memory, so that they outlive a process that is
// killed; what that had begun may or may not have been done. Otherwise they are equal.
type ledger struct {
	name   string
	counts *carom.Array[int64]
	marks  *carom.Array[uint32] // of a queue's items
}

const (
	ledgerEntries = 8
	ledgerMarks   = 1 << 15
	ledgerNext    = 2 * ledgerEntries   // number of the next item
	ledgerHolder  = 2*ledgerEntries + 1 // not 0: somebody is in a critical section
	ledgerPair    = 2*ledgerEntries + 2 // two words that are equal outside of it
	ledgerTokens  = 2*ledgerEntries + 4 // of a condition
	ledgerWords   = 2*ledgerEntries + 5 // all
	markOfRefusal = uint32(1 << 16)     // on an item that Put refused
)

func newLedger(m *carom.Manager, name string) ledger {
	return ledger{name, carom.Must(carom.NewArray[int64](m, name+" counts", ledgerWords)),
		carom.Must(carom.NewArray[uint32](m, name+" marks", ledgerMarks))}
}

func (l ledger) remove(m *carom.Manager) error {
	return errors.Join(l.counts.Close(), l.marks.Close(), m.Remove(context.Background(), l.name+" counts"),
		m.Remove(context.Background(), l.name+" marks"))
}

// try enters what f does n times if it returns nil.
func (l ledger) try(what int, n int64, f func() error) error {
	carom.AddAt(l.counts, 2*what, n)
	err := f()
	if err == nil {
		carom.AddAt(l.counts, 2*what+1, n)
	} else {
		carom.AddAt(l.counts, 2*what, -n)
	}
	return err
}

// put has f put a new item. Whoever is killed meanwhile is known to have had one. Once there
// have been enough, it is idle instead.
func (l ledger) put(idle func() error, f func(id uint32) error) error {
	enough := errors.New("there have been enough")
	err := l.try(putting, 1, func() error {
		id, ok := l.item()
		if !ok {
			return enough
		}
		err := f(id)
		if err != nil {
			l.refused(id)
		}
		return err
	})
	if err == enough {
		runtime.Gosched()
		return idle()
	}
	return err
}

// sum is between done and begun.
func (l ledger) sum(what int) (done, begun int64) {
	return l.counts.Load(2*what + 1), l.counts.Load(2 * what)
}

// holds says that what was found is not what was entered.
func (l ledger) holds(what int, found int64) error {
	if done, begun := l.sum(what); found < done || found > begun {
		return fmt.Errorf("%d, but %d were done and %d begun", found, done, begun)
	}
	return nil
}

// section is critical: nobody else is there, or an owner that died was.
func (l ledger) section(repair bool) error {
	c := l.counts
	if c.Load(ledgerHolder) != 0 && !repair {
		return errors.New("two are in the critical section")
	}
	c.Store(ledgerHolder, 1)
	n := c.Load(ledgerPair) + 1
	c.Store(ledgerPair, n)
	c.Store(ledgerPair+1, n)
	c.Store(ledgerHolder, 0)
	return nil
}

// item numbers a new one. There is none once there have been enough.
func (l ledger) item() (id uint32, ok bool) {
	if l.counts.Load(ledgerNext) > ledgerMarks-64 {
		return 0, false
	}
	return uint32(carom.AddAt(l.counts, ledgerNext, 1) - 1), true
}

func (l ledger) got(id uint32) {
	if id < ledgerMarks {
		carom.AddAt(l.marks, int(id), 1)
	}
}

func (l ledger) refused(id uint32) { carom.AddAt(l.marks, int(id), markOfRefusal) }

// audit says which items were got twice, or though they were refused, or not at all: more than
// can have been in the hands of the killed, or that somebody got without a look at them.
func (l ledger) audit(unseen int64) error {
	missing := int64(0)
	for id := range min(l.counts.Load(ledgerNext), ledgerMarks) {
		switch m := l.marks.Load(int(id)); {
		case m > markOfRefusal:
			return fmt.Errorf("item %d was refused, and got", id)
		case m == 0:
			missing++
		case m > 1 && m < markOfRefusal:
			return fmt.Errorf("item %d was got %d times", id, m)
		}
	}
	for what := range 2 {
		done, begun := l.sum(what)
		unseen += begun - done
	}
	if missing > unseen {
		return fmt.Errorf("%d items are lost, of which %d may have been in the hands of the killed", missing, unseen)
	}
	return nil
}

// exam is an object that all use while handles of it are closed.
type exam struct {
	ledger
	m, base *carom.Manager // of the handles that are closed, and of those that are not
	// open gives one more handle, made by m, and calls that a goroutine each repeats.
	open func(m *carom.Manager) (h closer, calls []func(context.Context) error)
	// check finds what is not in the ledger, when everybody has ended.
	check func() error
	// polite calls end soon.
	polite bool
	keep   []closer // later ones depend on earlier ones
	names  []string
}

// stormRow makes an exam, for this process and for another one.
type stormRow struct {
	kind string
	set  func(x *exam)
}

type besideArgs struct {
	Kinds []string
	Ready *carom.Value[int64]
}

// besideWorker takes part until it is killed.
var besideWorker = carom.NewWorker("beside closing", func(ctx context.Context, a besideArgs) error {
	m, err := carom.FromEnv(ctx)
	if err != nil {
		return err
	}
	wrong := make(chan error, 1)
	for _, kind := range a.Kinds {
		x := newExam(kind, m, m)
		_, calls := x.open(m)
		for _, f := range calls {
			go func() {
				for {
					if err := f(ctx); err != nil {
						select {
						case wrong <- fmt.Errorf("%s: %w", kind, err):
						default:
						}
						return
					}
					runtime.Gosched()
				}
			}()
		}
	}
	carom.Add(a.Ready, 1)
	select {
	case err := <-wrong:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
})

func newExam(kind string, m, base *carom.Manager) *exam {
	x := &exam{ledger: newLedger(base, kind), m: m, base: base, names: []string{kind}}
	for _, row := range stormRows {
		if row.kind == kind {
			row.set(x)
			return x
		}
	}
	panic(kind)
}

// keeperOf remembers a handle for each manager.
func keeperOf[H closer](x *exam, open func(m *carom.Manager) H) func(m *carom.Manager) H {
	kept := map[*carom.Manager]H{}
	for _, m := range []*carom.Manager{x.base, x.m} {
		if _, ok := kept[m]; !ok {
			kept[m] = open(m)
			x.keep = append(x.keep, kept[m])
		}
	}
	return func(m *carom.Manager) H { return kept[m] }
}

// closeStorm closes handles of every kind at random instants, while goroutines call their
// methods. Others take part and go on: handles that stay open, and another process, which is
// killed in the middle. Everything must add up.
func closeStorm(t *testing.T, p *closePlace) {
	const groups = 3
	closes, took := 0, time.Now()
	for g := range groups {
		var kinds []string
		for i, row := range stormRows {
			if i%groups == g {
				kinds = append(kinds, row.kind)
			}
		}
		closes += p.storm(t, kinds)
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%d handles closed in %v", closes, time.Since(took))
}

func (p *closePlace) storm(t *testing.T, kinds []string) (closes int) {
	rounds := 60
	if p.remote {
		rounds = 30
	}
	if raced {
		rounds /= 4
	}
	ready := carom.Must(carom.NewValue[int64](p.base, "ready"))
	var exams []*exam
	for _, kind := range kinds {
		exams = append(exams, newExam(kind, p.m, p.base))
	}
	w, err := besideWorker.Start(t.Context(), p.base, besideArgs{kinds, ready})
	require.NoError(t, err)
	defer func() { _ = w.Kill() }()
	eventually(t, "the worker takes part", func() bool { return ready.Load() > 0 })
	processes := p.base.Stats().Processes

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stop atomic.Bool
	partners, quit := context.WithCancel(ctx)
	defer quit()
	var staying, closing sync.WaitGroup
	var done atomic.Int64
	for _, x := range exams {
		h, calls := x.open(p.base)
		x.keep = append(x.keep, h)
		for _, f := range calls {
			ctx := partners
			if x.polite {
				ctx = t.Context()
			}
			staying.Go(func() {
				for !stop.Load() {
					if err := f(ctx); err != nil && !(stop.Load() && errors.Is(err, context.Canceled)) {
						t.Errorf("%s: a call on a handle that stays open: %v", x.name, err)
						return
					}
					runtime.Gosched()
				}
			})
		}
		closing.Go(func() {
			for range rounds {
				if err := p.closeOne(ctx, x); err != nil {
					t.Errorf("%s: %v", x.name, err)
					return
				}
				done.Add(1)
			}
		})
	}
	eventually(t, "half of the handles are closed", func() bool { return done.Load() >= int64(len(exams)*rounds/2) || t.Failed() })
	require.NoError(t, w.Kill())
	require.ErrorContains(t, w.Wait(), "killed")
	closing.Wait()
	stop.Store(true)
	quit()
	staying.Wait()
	if t.Failed() {
		return 0
	}
	alone(t, p.base, processes-1)
	for _, x := range exams {
		if err := x.check(); err != nil {
			t.Errorf("%s: %v", x.name, err)
		}
		if a, b := x.counts.Load(ledgerPair), x.counts.Load(ledgerPair+1); a != b && a != b+1 {
			t.Errorf("%s: two were in the critical section: %d, %d", x.name, a, b)
		}
		for _, h := range slices.Backward(x.keep) {
			if err := closed(h); err != nil {
				t.Errorf("%s: %v", x.name, err)
			}
		}
		for _, name := range x.names {
			require.NoError(t, p.base.Remove(t.Context(), name), name)
		}
		require.NoError(t, x.remove(p.base))
	}
	require.NoError(t, ready.Close())
	require.NoError(t, p.base.Remove(t.Context(), "ready"))
	return len(exams) * rounds
}

// closeOne opens a handle, has goroutines call its methods, and closes it, perhaps twice at once.
func (p *closePlace) closeOne(ctx context.Context, x *exam) error {
	h, calls := x.open(p.m)
	var all []*calling
	for _, f := range calls {
		all = append(all, call(ctx, func(ctx context.Context) error {
			for {
				if err := f(ctx); err != nil {
					return err
				}
				runtime.Gosched()
			}
		}))
	}
	p.spin(400 * time.Microsecond)
	if p.intN(4) == 0 {
		second := result(h.Close)
		first := h.Close()
		for _, err := range []error{first, <-second} {
			if err != nil && !errors.Is(err, carom.ErrClosed) {
				return err
			}
		}
	} else if err := closed(h); err != nil {
		return err
	}
	deadline := time.Now().Add(promptly)
	for i, c := range all {
		if err := c.end(deadline); !errors.Is(err, carom.ErrClosed) {
			return fmt.Errorf("its handle was closed, and call %d: %w", i, err)
		}
	}
	return nil
}
