package tests

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

var manyProcesses = flag.Int("processes", 200, "how many processes die at once")

// mortal is what a worker that is to die does with one object.
type mortal struct {
	What  string
	N     int
	Ready *carom.Array[int64] // its counters
	Lock  *carom.Lock
	Sem   *carom.Semaphore
	Bound *carom.BoundedSemaphore
	Cond  *carom.Condition
	Event *carom.Event
	Bar   *carom.Barrier
	Queue *carom.Queue[int]
}

// The counters.
const (
	readyBegun = iota // goroutines that are about to wait
	readyDone         // that got what they waited for
	readyDied         // to whom the owner's death was reported
	readyWrong
	readyWords
)

func (m *mortal) count(what int) { carom.AddAt(m.Ready, what, 1) }

var mortalWorker = carom.NewWorker("mortal", func(ctx context.Context, m mortal) error {
	hold := func(err error) error {
		if err == nil {
			m.count(readyBegun)
			<-ctx.Done()
		}
		return err
	}
	wait := func(f func(ctx context.Context) error) error {
		m.count(readyBegun)
		err := f(ctx)
		if err == nil {
			m.count(readyDone)
		}
		return err
	}
	switch m.What {
	case "hold lock":
		return hold(m.Lock.Lock(ctx))
	case "hold permits":
		for range m.N {
			if err := m.Bound.Acquire(ctx); err != nil {
				return err
			}
		}
		return hold(nil)
	case "attach":
		return hold(nil)
	case "wait lock":
		return wait(m.Lock.Lock)
	case "wait semaphore":
		return wait(m.Sem.Acquire)
	case "wait bounded":
		return wait(m.Bound.Acquire)
	case "wait event":
		return wait(m.Event.Wait)
	case "wait barrier":
		return wait(func(ctx context.Context) error { _, err := m.Bar.Wait(ctx); return err })
	case "wait queue":
		return wait(func(ctx context.Context) error { _, err := m.Queue.Get(ctx); return err })
	case "wait room":
		return wait(func(ctx context.Context) error { return m.Queue.Put(ctx, 1) })
	case "wait join":
		return wait(m.Queue.Join)
	case "wait condition":
		if err := m.Cond.L().Lock(ctx); err != nil {
			return err
		}
		m.count(readyBegun) // under the lock: whoever has it next finds this one waiting
		err := m.Cond.Wait(ctx)
		if err == nil {
			m.count(readyDone)
			err = m.Cond.L().Unlock()
		}
		return err
	case "crowd lock":
		return m.crowd(ctx, func() error {
			err := m.Lock.Lock(ctx)
			if errors.Is(err, carom.ErrOwnerDied) {
				m.count(readyDied)
				return nil
			}
			return errors.Join(err, m.Lock.Unlock())
		})
	case "crowd bounded":
		return m.crowd(ctx, func() error {
			if err := m.Bound.Acquire(ctx); err != nil {
				return err
			}
			return m.Bound.Release()
		})
	}
	return fmt.Errorf("what is %q?", m.What)
})

// crowd runs f in N goroutines.
func (m *mortal) crowd(ctx context.Context, f func() error) error {
	var all sync.WaitGroup
	for range m.N {
		all.Go(func() {
			m.count(readyBegun)
			if err := f(); err != nil {
				m.count(readyWrong)
				return
			}
			m.count(readyDone)
		})
	}
	all.Wait()
	return nil
}

// stage is a manager with one of each object for mortals.
type stage struct {
	testing.TB
	m *carom.Manager
	mortal
}

func newStage(t testing.TB) *stage {
	s := &stage{TB: t, m: manager(t)}
	s.Ready = carom.Must(carom.NewArray[int64](s.m, "ready", readyWords))
	s.Lock = carom.Must(carom.NewLock(s.m, "lock"))
	s.Sem = carom.Must(carom.NewSemaphore(s.m, "semaphore", 0))
	s.Bound = carom.Must(carom.NewBoundedSemaphore(s.m, "bounded", 2))
	s.Cond = carom.Must(carom.NewCondition(s.m, "condition", nil))
	s.Event = carom.Must(carom.NewEvent(s.m, "event"))
	s.Bar = carom.Must(carom.NewBarrier(s.m, "barrier", 3))
	s.Queue = carom.Must(carom.NewQueue[int](s.m, "queue", carom.Cap(1)))
	return s
}

// enter starts a worker; began is how many goroutines have begun to wait when it is on.
func (s *stage) enter(what string, n int, began int64) *carom.Process {
	s.Helper()
	args := s.mortal
	args.What, args.N = what, n
	p, err := mortalWorker.Start(context.Background(), s.m, args)
	require.NoError(s, err)
	s.Cleanup(func() { _ = p.Kill(); _ = p.Wait() })
	s.await(readyBegun, began)
	return p
}

func (s *stage) await(what int, n int64) {
	s.Helper()
	eventually(s, fmt.Sprintf("counter %d comes to %d", what, n), func() bool { return s.Ready.Load(what) >= n })
}

// asleep waits until this process and the workers sleep: as good as can be said from
// outside that they wait for what they are to wait for.
func asleep(t testing.TB, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		eventually(t, fmt.Sprintf("process %d sleeps", pid), func() bool {
			tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
			if err != nil {
				return true
			}
			for _, task := range tasks {
				b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/stat", pid, task.Name()))
				if i := len(b); i > 0 && bytesAfterCommand(b) == 'R' {
					return false
				}
			}
			return true
		})
	}
}

func bytesAfterCommand(stat []byte) byte {
	for i := len(stat) - 1; i > 1; i-- {
		if stat[i-1] == ')' && stat[i] == ' ' {
			return stat[i+1]
		}
	}
	return 0
}

func kill(t testing.TB, p *carom.Process) {
	t.Helper()
	require.NoError(t, p.Kill())
	var exit *exec.ExitError
	require.ErrorAs(t, p.Wait(), &exit)
}

func ended(t testing.TB, p *carom.Process) {
	t.Helper()
	require.NoError(t, receive(t, result(p.Wait)))
}

// TestOwnerDiesBeforeACrowd has an owner die while 10,000 goroutines in three processes
// wait for what it holds.
func TestOwnerDiesBeforeACrowd(t *testing.T) {
	const each = 3334
	for what, hold := range map[string]string{"crowd lock": "hold lock", "crowd bounded": "hold permits"} {
		t.Run(what, func(t *testing.T) {
			s := newStage(t)
			owner := s.enter(hold, 2, 1)
			var crowd []*carom.Process
			for i := range int64(3) {
				crowd = append(crowd, s.enter(what, each, 1+(i+1)*each))
			}
			asleep(t, crowd[0].PID(), crowd[1].PID(), crowd[2].PID())
			require.Zero(t, s.Ready.Load(readyDone))
			begin := time.Now()
			kill(t, owner)
			for _, p := range crowd {
				ended(t, p)
			}
			t.Logf("all answered after %v", time.Since(begin))
			require.Zero(t, s.Ready.Load(readyWrong))
			require.EqualValues(t, 3*each, s.Ready.Load(readyDone))
			if what == "crowd lock" {
				require.EqualValues(t, 3*each, s.Ready.Load(readyDied), "all are told")
				require.ErrorIs(t, s.Lock.TryLock(), carom.ErrOwnerDied)
				require.NoError(t, s.Lock.Recover(t.Context()))
				require.NoError(t, s.Lock.Unlock())
			} else {
				require.Equal(t, 2, s.Bound.Value())
			}
			alone(t, s.m, 2)
			checked(t, s.m)
		})
	}
}

// TestDeathOfAWaiter kills one who waits, with another who waits behind it: that one gets
// what comes.
func TestDeathOfAWaiter(t *testing.T) {
	for what, give := range map[string]func(s *stage) error{
		"wait semaphore": func(s *stage) error { return s.Sem.Release() },
		"wait event":     func(s *stage) error { return s.Event.Set() },
		"wait queue":     func(s *stage) error { return s.Queue.Put(s.Context(), 1) },
		"wait condition": func(s *stage) error {
			return s.Cond.L().Do(s.Context(), func() error { return s.Cond.Notify(1) })
		},
		"wait lock":    func(s *stage) error { return s.Lock.Unlock() },
		"wait bounded": func(s *stage) error { return s.Bound.Release() },
		"wait room":    func(s *stage) error { _, err := s.Queue.Get(s.Context()); return err },
	} {
		t.Run(what, func(t *testing.T) {
			for round := range 10 {
				s := newStage(t)
				switch what {
				case "wait lock":
					require.NoError(t, s.Lock.Lock(t.Context()))
				case "wait bounded":
					require.NoError(t, s.Bound.Acquire(t.Context()))
					require.NoError(t, s.Bound.Acquire(t.Context()))
				case "wait room":
					require.NoError(t, s.Queue.Put(t.Context(), 0))
				}
				first := s.enter(what, 0, 1)
				if round%2 == 0 {
					asleep(t, first.PID())
				}
				second := s.enter(what, 0, 2)
				if round%3 == 0 {
					asleep(t, second.PID())
				}
				if round < 5 { // it is gone before anything comes
					kill(t, first)
					if remote { // its session goes a moment later
						alone(t, s.m, 3)
					}
					require.NoError(t, give(s))
				} else { // at the same time
					got := result(func() error { return give(s) })
					_ = first.Kill() // it may be through already
					_ = first.Wait()
					err := receive(t, got)
					if remote { // what was given may be on its way to the dead
						alone(t, s.m, 3)
					} else {
						require.NoError(t, err)
					}
					if what == "wait condition" { // it may have died with the lock, which Wait had given back to it
						require.NoError(t, s.Cond.L().Recover(t.Context()))
						require.NoError(t, s.Cond.L().Unlock())
					}
					if (s.Ready.Load(readyDone) > 0 || remote || what == "wait condition") && what != "wait event" { // it lived to have it
						if what == "wait semaphore" || what == "wait queue" || what == "wait condition" || what == "wait room" {
							_ = result(func() error { return give(s) }) // for the other, if that was the first's
						}
					}
				}
				if what == "wait lock" || round >= 5 && what == "wait condition" {
					// The first may have died as the owner; then the second is told.
					if err := receive(t, result(second.Wait)); err != nil {
						require.ErrorIs(t, err, carom.ErrOwnerDied)
					}
				} else {
					ended(t, second)
				}
				alone(t, s.m, 2)
				checked(t, s.m)
				require.NoError(t, s.m.Close())
			}
		})
	}
}

// TestNotifiedAndDead kills one whom a notification has reached, and who waits for the
// lock to come back: the notification goes to the next.
func TestNotifiedAndDead(t *testing.T) {
	for range 5 {
		s := newStage(t)
		first := s.enter("wait condition", 0, 1)
		require.NoError(t, s.Cond.L().Lock(t.Context())) // it waits
		require.NoError(t, s.Cond.L().Unlock())
		second := s.enter("wait condition", 0, 2)
		require.NoError(t, s.Cond.L().Lock(t.Context())) // both wait
		require.NoError(t, s.Cond.Notify(1))
		asleep(t, first.PID())
		kill(t, first)
		alone(t, s.m, 3)
		require.NoError(t, s.Cond.L().Unlock())
		ended(t, second)
		checked(t, s.m)
		require.NoError(t, s.m.Close())
	}
}

// TestBarrierBreaksWithTheDead kills one of three at a barrier.
func TestBarrierBreaksWithTheDead(t *testing.T) {
	s := newStage(t)
	first := s.enter("wait barrier", 0, 1)
	second := s.enter("wait barrier", 0, 2)
	eventually(t, "both wait", func() bool { return s.Bar.Waiting() == 2 })
	kill(t, first)
	require.ErrorIs(t, receive(t, result(second.Wait)), carom.ErrBroken)
	require.True(t, s.Bar.Broken())
	_, err := s.Bar.Wait(t.Context())
	require.ErrorIs(t, err, carom.ErrBroken)
	require.NoError(t, s.Bar.Reset())
	s.enter("wait barrier", 0, 3)
	s.enter("wait barrier", 0, 4)
	_, err = s.Bar.Wait(within(t))
	require.NoError(t, err)
	checked(t, s.m)
}

// TestStoppedOwner stops an owner: it lives, and nobody takes its lock or its permits.
func TestStoppedOwner(t *testing.T) {
	s := newStage(t)
	owner := s.enter("hold lock", 0, 1)
	holder := s.enter("hold permits", 2, 2)
	require.NoError(t, owner.Signal(syscall.SIGSTOP))
	require.NoError(t, holder.Signal(syscall.SIGSTOP))
	stopped := func(pid int) bool {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return bytesAfterCommand(b) == 'T'
	}
	eventually(t, "they stop", func() bool { return stopped(owner.PID()) && stopped(holder.PID()) })
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Lock.Lock(short), context.DeadlineExceeded)
	require.ErrorIs(t, s.Lock.Recover(short), context.DeadlineExceeded)
	require.ErrorIs(t, s.Bound.TryAcquire(), carom.ErrLocked)
	require.Equal(t, 4, s.m.Stats().Processes)
	require.NoError(t, owner.Signal(syscall.SIGCONT))
	require.ErrorIs(t, s.Lock.TryLock(), carom.ErrLocked)
	require.NoError(t, owner.Signal(syscall.SIGSTOP))
	// A stopped process dies all the same.
	kill(t, owner)
	kill(t, holder)
	require.ErrorIs(t, s.Lock.Lock(within(t)), carom.ErrOwnerDied)
	require.NoError(t, s.Bound.Acquire(within(t)))
	checked(t, s.m)
}

// TestStoppedWatcher stops one process and kills the next: what the dead held comes back
// though the one that watches it does not run.
func TestStoppedWatcher(t *testing.T) {
	s := newStage(t)
	watcher := s.enter("attach", 0, 1)
	holder := s.enter("hold permits", 2, 2)
	require.NoError(t, watcher.Signal(syscall.SIGSTOP))
	require.Zero(t, s.Bound.Value())
	begin := time.Now()
	kill(t, holder)
	require.NoError(t, s.Bound.Acquire(within(t)))
	t.Logf("back after %v", time.Since(begin))
	alone(t, s.m, 3)
	checked(t, s.m)
}

// TestManyDieAtOnce attaches many processes that hold something and wait for something,
// and kills them all at once, sweepers and all.
func TestManyDieAtOnce(t *testing.T) {
	n := *manyProcesses
	s := newStage(t)
	bound := carom.Must(carom.NewBoundedSemaphore(s.m, "many", n))
	s.Bound = bound
	var all []*carom.Process
	for i := range n {
		what := []string{"hold permits", "wait event", "wait semaphore", "wait condition", "wait queue"}[i%5]
		args := s.mortal
		args.What, args.N = what, 1
		p, err := mortalWorker.Start(t.Context(), s.m, args)
		require.NoError(t, err)
		all = append(all, p)
		if i%32 == 31 { // starting costs more than dying
			s.await(readyBegun, int64(i-8))
		}
	}
	s.await(readyBegun, int64(n))
	require.Equal(t, n+2, s.m.Stats().Processes)
	require.Equal(t, n-(n+4)/5, bound.Value())
	begin := time.Now()
	for _, p := range all {
		require.NoError(t, p.Kill())
	}
	for _, p := range all {
		_ = p.Wait()
	}
	t.Logf("%d reaped after %v", n, time.Since(begin))
	alone(t, s.m, 2)
	t.Logf("swept after %v", time.Since(begin))
	require.Equal(t, n, bound.Value())
	if !remote { // of sessions, the coordinator hears
		require.Equal(t, n, s.m.Stats().Recoveries)
	}
	checked(t, s.m)
}

// TestSweepersDie kills several at once, again and again: who notices the first death is
// often the next to die, in the middle of the sweep.
func TestSweepersDie(t *testing.T) {
	s := newStage(t)
	const places, permits = 6, 2
	bound := carom.Must(carom.NewBoundedSemaphore(s.m, "shared", places*permits))
	s.Bound = bound
	places6 := make([]*carom.Process, places)
	begun := int64(0)
	for round := range 15 {
		for i := range places6 {
			args := s.mortal
			args.What, args.N = "hold permits", permits
			p, err := mortalWorker.Start(t.Context(), s.m, args)
			require.NoError(t, err)
			places6[i] = p
		}
		begun += places
		s.await(readyBegun, begun)
		require.Zero(t, bound.Value())
		for i := range places6 {
			require.NoError(t, places6[(i+round)%places].Kill())
		}
		for _, p := range places6 {
			_ = p.Wait()
		}
		eventually(t, "all permits are back", func() bool { return bound.Value() == places*permits })
	}
	alone(t, s.m, 2)
	checked(t, s.m)
}

// TestCancellationRacesWithAGrant cancels waits at the moment at which what they wait for
// comes: it is had or left, never lost.
func TestCancellationRacesWithAGrant(t *testing.T) {
	a, b := pair(t)
	const rounds = 2000
	race := func(t *testing.T, acquire func(ctx context.Context) error, grant func() error) (had int) {
		for i := range rounds {
			ctx, cancel := context.WithCancel(context.Background())
			got := result(func() error { return acquire(ctx) })
			done := make(chan struct{})
			go func() {
				for range i % 50 {
					_ = i
				}
				cancel()
				close(done)
			}()
			require.NoError(t, grant())
			<-done
			switch err := receive(t, got); {
			case err == nil:
				had++
			case !errors.Is(err, context.Canceled):
				t.Fatal(err)
			}
		}
		return had
	}
	t.Run("semaphore", func(t *testing.T) {
		for _, opts := range [][]carom.Option{nil, {carom.Permits()}} {
			x := carom.Must(carom.NewSemaphore(a, "", 0, opts...))
			y := carom.Must(carom.OpenSemaphore(b, x.Name()))
			had := race(t, x.Acquire, func() error { return y.Release() })
			require.Equal(t, rounds-had, y.Value())
		}
	})
	t.Run("lock", func(t *testing.T) {
		x := carom.Must(carom.NewLock(a, ""))
		y := carom.Must(carom.OpenLock(b, x.Name()))
		ctx := within(t)
		race(t, func(ctx context.Context) error {
			err := x.Lock(ctx)
			if err == nil {
				err = x.Unlock()
			}
			return err
		}, func() error { return y.Do(ctx, func() error { return nil }) })
		require.NoError(t, x.TryLock())
	})
	t.Run("queue", func(t *testing.T) {
		for _, opts := range [][]carom.Option{nil, {carom.Cap(3 * rounds), carom.AtLeastOnce()}} {
			x := carom.Must(carom.NewQueue[int](a, "", opts...))
			y := carom.Must(carom.OpenQueue[int](b, x.Name()))
			had := race(t, func(ctx context.Context) error { _, err := x.Get(ctx); return err },
				func() error { return y.Put(context.Background(), 1) })
			require.Equal(t, rounds-had, y.Len())
		}
	})
	t.Run("condition", func(t *testing.T) {
		x := carom.Must(carom.NewCondition(a, "", nil))
		y := carom.Must(carom.OpenCondition(b, x.Name()))
		ctx := within(t)
		// Another waits behind the one who is cancelled: the notification is one's or the
		// other's.
		for range rounds / 4 {
			short, cancel := context.WithCancel(ctx)
			var woken atomic.Int32
			wait := func(ctx context.Context, joined chan<- struct{}) func() error {
				return func() error {
					if err := x.L().Lock(ctx); err != nil {
						close(joined)
						return err
					}
					close(joined)
					err := x.Wait(ctx)
					if err == nil {
						woken.Add(1)
					}
					return errors.Join(err, x.L().Unlock())
				}
			}
			j1, j2 := make(chan struct{}), make(chan struct{})
			first := result(wait(short, j1))
			<-j1
			require.NoError(t, y.L().Do(ctx, func() error { return nil })) // it waits
			second := result(wait(ctx, j2))
			<-j2
			go cancel()
			require.NoError(t, y.L().Do(ctx, func() error { return y.Notify(1) }))
			err := receive(t, first)
			if err == nil { // the second is still to be woken
				require.NoError(t, y.L().Do(ctx, func() error { return y.Notify(1) }))
			} else {
				require.ErrorIs(t, err, context.Canceled)
			}
			require.NoError(t, receive(t, second))
			cancel()
		}
	})
}

// TestEndOfFileWithTheDead closes a queue of which a dead process holds an item: who
// waits gets the item, then the end.
func TestEndOfFileWithTheDead(t *testing.T) {
	s := newStage(t)
	q := carom.Must(carom.NewQueue[int](s.m, "sure", carom.AtLeastOnce()))
	require.NoError(t, q.Put(t.Context(), 7))
	args := s.mortal
	args.What, args.Queue = "wait queue", q
	p, err := mortalWorker.Start(t.Context(), s.m, args)
	require.NoError(t, err)
	s.await(readyDone, 1)
	require.NoError(t, q.CloseWrite())
	join := result(func() error { return q.Join(within(t)) })
	_ = p.Kill()
	_ = p.Wait()
	v, err := q.Get(within(t))
	require.NoError(t, err)
	require.Equal(t, 7, v)
	silent(t, join)
	require.NoError(t, q.TaskDone())
	require.NoError(t, receive(t, join))
	_, err = q.Get(within(t))
	require.Equal(t, io.EOF, err)
	checked(t, s.m)
}

// TestPIDNamespace attaches a process whose ids mean something else.
func TestPIDNamespace(t *testing.T) {
	if out, err := exec.Command("unshare", "-pf", "true").CombinedOutput(); err != nil {
		t.Skipf("unshare -pf is not permitted here: %v: %s", err, out)
	}
	m, _ := pair(t)
	cmd := exec.Command("unshare", "-pf", "--kill-child", os.Args[0], "-test.run=TestPIDNamespaceHelper")
	cmd.Env = append(os.Environ(), "CAROM_TEST_NAMESPACE="+m.Addr())
	lock := carom.Must(carom.NewLock(m, "lock"))
	inside := carom.Must(carom.NewEvent(m, "inside"))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	require.NoError(t, cmd.Start())
	require.NoError(t, inside.Wait(within(t)))
	require.ErrorIs(t, lock.TryLock(), carom.ErrLocked)
	found := false
	for p, err := range m.Processes(t.Context()) {
		require.NoError(t, err)
		found = found || p.PID == 1
	}
	require.True(t, found, "it is process 1 of its namespace")
	got := result(func() error { return lock.Lock(within(t)) })
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.ErrorIs(t, receive(t, got), carom.ErrOwnerDied)
	alone(t, m, 3)
	checked(t, m)
}

func TestPIDNamespaceHelper(t *testing.T) {
	addr := os.Getenv("CAROM_TEST_NAMESPACE")
	if addr == "" {
		t.Skip("a part of TestPIDNamespace")
	}
	m, err := carom.Connect(t.Context(), addr, &carom.Options{AuthKey: []byte("a secret")})
	require.NoError(t, err)
	require.NoError(t, carom.Must(carom.NewLock(m, "lock")).Lock(t.Context()))
	require.NoError(t, carom.Must(carom.NewEvent(m, "inside")).Set())
	select {}
}
