package tests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/carom-ipc/carom/shm"
	"github.com/carom-ipc/carom/tests/internal/crash"
)

// unreachable are stores to which no workload comes for certain, by file and text, with
// the reason.
var unreachable = map[string]string{
	"shm/queue_claim.go: atom.Store32(q.taker(off), takerReturned)": "a claim in the window without a taker: the taker is " +
		"stored before the cursor; kept against memory that others have spoilt",
	"shm/queue_take.go: atom.Store64(&q.h.returned, 0)": "a count of returned items without such an item: both change under " +
		"one lock, and recovery counts anew; kept against an endless search",
	"shm/directory_rebuild.go: atom.Put32(&h.chunkTop, i)": "a chunk in use beyond the top: the top is raised before the chunk's state",
	"shm/semaphore.go: if atom.CAS32(&l.word, v, v-1) {":   "a unit that comes between the look at the count and the list's lock",
	"shm/waitlist.go: atom.Put32(&w.waiting, 0)": "a count of waiters without a waiter, in memory that others have spoilt; " +
		"the one of the rebuild, which has the same text, is on the way of all others there",
	"shm/process_sweeper.go: atom.Put32(&r.attached, max(r.attached, i+1))":                                                 overtaken,
	"shm/process_sweeper.go: atom.Or64(a.attachment(s, i), bit)":                                                            overtaken,
	"shm/process_sweeper.go: atom.And64(a.attachment(s, i), ^bit) // it has done with it, perhaps before it could see this": overtaken,
	"shm/process_owed.go: atom.And64(a.attachment(a.self.Slot(), e), ^uint64(1<<(e%64)))":                                   overtaken,
}

const overtaken = "somebody takes away what another sweeps just then; see TestSweeperIsStopped and TestSweeperGoesOn"

const (
	enough = 3                      // workloads in which a victim dies at a point
	rounds = 300 * time.Millisecond // of a workload that has to come to a point
	share  = 6                      // one of so many points, at least, is in a sample
)

// walk is the walk over all crash points, or over a sample of them.
type walk struct {
	t      *testing.T
	victim string
	points map[string]string // all there are
	chosen map[string]bool   // those that a death is to come to

	mu      sync.Mutex
	reached map[string]bool // died at, or found unreachable
	by      map[string][]string
	deaths  int
}

// TestCrashPoints kills a process at every single store to shared memory, with others
// at work beside it, and at every store of the recovery from such a death. After each,
// the survivors go on, find everything that must be there, and the arena is sound and,
// once emptied, as it was at first.
//
// A sample has a share of each file's points. Only the whole walk can say that there is no
// point at which nobody dies.
func TestCrashPoints(t *testing.T) {
	w := &walk{t: t, victim: filepath.Join(t.TempDir(), "victim"), points: crashPoints(t, "futex", "shm"),
		reached: map[string]bool{}, by: map[string][]string{}}
	build := exec.Command("go", "build", "-tags", "carom_crash", "-o", w.victim, "./internal/crash/victim")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	w.choose()
	begin := time.Now()

	w.record()
	t.Logf("recorded after %v: %d of %d points", time.Since(begin), len(w.by), len(w.points))
	w.each(w.sampled(maps.Keys(w.by)), w.kill)
	t.Logf("killed after %v: %d deaths", time.Since(begin), w.deaths)
	w.recoveries()
	t.Logf("killed in recovery after %v: %d deaths", time.Since(begin), w.deaths)

	if !whole {
		return
	}
	w.each(w.missed(), w.insist)
	missed := w.missed()
	require.Empty(t, missed, "no workload dies at %d of %d points", len(missed), len(w.points))
}

// choose takes all points, or a few of each file.
func (w *walk) choose() {
	w.chosen = map[string]bool{}
	files := map[string][]string{}
	for _, p := range slices.Sorted(maps.Keys(w.points)) {
		file, _, _ := strings.Cut(p, ":")
		files[file] = append(files[file], p)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, file := range slices.Sorted(maps.Keys(files)) {
		points := files[file]
		if !whole {
			rnd.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
			points = points[:(len(points)+share-1)/share]
		}
		for _, p := range points {
			w.chosen[p] = true
		}
	}
	if !whole {
		w.t.Logf("a sample: %d of %d points, in %d files; with CAROM_WHOLE=1, all", len(w.chosen), len(w.points), len(files))
	}
}

// sampled are those of some points that were chosen, in order.
func (w *walk) sampled(points iter.Seq[string]) []string {
	return slices.DeleteFunc(slices.Sorted(points), func(p string) bool { return !w.chosen[p] })
}

// missed are the points at which nobody has died yet and somebody should.
func (w *walk) missed() (points []string) {
	for p, text := range w.points {
		file, _, _ := strings.Cut(p, ":")
		if _, known := unreachable[file+": "+text]; !w.isReached(p) && !known {
			points = append(points, p)
		}
	}
	slices.Sort(points)
	return points
}

// insist looks for a death at a point to which a workload comes by chance only.
func (w *walk) insist(point string) error {
	for _, work := range crash.Workloads {
		if work.Beside == nil || w.isReached(point) {
			continue
		}
		if err := w.killIn(work.Name, point, 10*rounds); err != nil {
			return fmt.Errorf("in %s: %w", work.Name, err)
		}
	}
	return nil
}

// each runs f for all names, a few at a time.
func (w *walk) each(names []string, f func(name string) error) {
	var all sync.WaitGroup
	busy := make(chan struct{}, 2*runtime.NumCPU())
	for _, name := range names {
		busy <- struct{}{}
		all.Go(func() {
			defer func() { <-busy }()
			begin := time.Now()
			defer func() {
				if d := time.Since(begin); d > time.Second && testing.Verbose() {
					w.t.Logf("%s took %v", name, d)
				}
			}()
			if err := f(name); err != nil {
				w.t.Errorf("%s: %v", name, err)
			}
		})
	}
	all.Wait()
}

// record runs every workload unarmed and notes which points it passes.
func (w *walk) record() {
	var names []string
	for _, work := range crash.Workloads {
		names = append(names, work.Name)
	}
	w.each(names, func(name string) error {
		file := filepath.Join(w.t.TempDir(), "record")
		s, err := newScene(name)
		if err != nil {
			return err
		}
		v, err := w.start(s.file, name, "0", "CAROM_CRASH_RECORD="+file)
		if err != nil {
			return err
		}
		select {
		case <-v.gone:
		case <-time.After(300 * time.Millisecond): // rounds enough
		}
		if err := v.stop(); err != nil {
			return err
		}
		w.note(name, file)
		return s.end()
	})
}

func (w *walk) note(name, file string) {
	points := w.passed(file)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range points {
		w.by[p] = append(w.by[p], name)
	}
}

// passed reads what a victim recorded.
func (w *walk) passed(file string) (points []string) {
	b, _ := os.ReadFile(file)
	for p := range strings.FieldsSeq(string(b)) {
		if w.points[p] != "" && !slices.Contains(points, p) {
			points = append(points, p)
		}
	}
	return points
}

func (w *walk) isReached(point string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reached[point]
}

func (w *walk) died(point string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reached[point] = true
	w.deaths++
}

// kill kills a victim at a point, in some of the workloads that pass it.
func (w *walk) kill(point string) error {
	for i, name := range w.by[point] {
		if i == enough && w.isReached(point) {
			break
		}
		if err := w.killIn(name, point, rounds); err != nil {
			return fmt.Errorf("in %s: %w", name, err)
		}
	}
	return nil
}

func (w *walk) killIn(name, point string, patience time.Duration) error {
	s, err := newScene(name)
	if err != nil {
		return err
	}
	v, err := w.start(s.file, name, "0", "CAROM_CRASH="+point)
	if err != nil {
		return err
	}
	if err := v.die(patience); err == nil {
		w.died(point)
	} else if !errors.Is(err, errSurvived) {
		return err
	}
	return s.end()
}

// recoveries has victims die by themselves at each point, with nobody else attached,
// then others who come upon what they left: first to see which points of the recovery
// they pass, then to die there. Whoever comes last finds everything in order.
func (w *walk) recoveries() {
	var mu sync.Mutex
	left := map[string][][2]string{} // point of recovery → workload and point of the first death
	var firsts []string
	for _, p := range w.sampled(maps.Keys(w.by)) {
		for _, name := range w.by[p] {
			if work, _ := crash.Find(name); work.Beside == nil && name != "repair" {
				firsts = append(firsts, p+" "+name)
			}
		}
	}
	w.each(firsts, func(first string) error {
		point, name, _ := strings.Cut(first, " ")
		file, err := w.corpse(name, point)
		if err != nil || file == nil {
			return err
		}
		defer file.Close()
		record := filepath.Join(w.t.TempDir(), "record")
		v, err := w.start(file, "repair", "1", "CAROM_CRASH_RECORD="+record)
		if err != nil {
			return err
		}
		if err := v.stop(); err != nil {
			return fmt.Errorf("after that death: %w", err)
		}
		for _, p := range w.passed(record) {
			mu.Lock()
			if len(left[p]) < enough {
				left[p] = append(left[p], [2]string{name, point})
			}
			mu.Unlock()
		}
		return inspect(file)
	})
	w.each(w.sampled(maps.Keys(left)), func(point string) error {
		for _, first := range left[point] {
			if err := w.twice(first[0], first[1], point); err != nil {
				return fmt.Errorf("recovering from a death at %s in %s: %w", first[1], first[0], err)
			}
		}
		return nil
	})
}

// twice has one die at a point of a workload, and one at a point of the recovery from
// that.
func (w *walk) twice(name, first, second string) error {
	file, err := w.corpse(name, first)
	if err != nil || file == nil {
		return err
	}
	defer file.Close()
	v, err := w.start(file, "repair", "1", "CAROM_CRASH="+second)
	if err != nil {
		return err
	}
	if err := v.die(crash.Patience); err == nil {
		w.died(second)
	} else if !errors.Is(err, errSurvived) {
		return err
	}
	return inspect(file)
}

// corpse returns the memory of an arena in which a process has died at a point, with
// nobody else attached; nil if it did not.
func (w *walk) corpse(name, point string) (*os.File, error) {
	a, err := shm.Create(crash.Budget)
	if err != nil {
		return nil, err
	}
	file, err := keep(a)
	if err != nil {
		return nil, err
	}
	if err := a.Close(context.Background()); err != nil {
		return nil, err
	}
	v, err := w.start(file, name, "0", "CAROM_CRASH="+point)
	if err != nil {
		return nil, err
	}
	if err := v.die(rounds); err != nil {
		_ = file.Close()
		if errors.Is(err, errSurvived) {
			return nil, nil
		}
		return nil, err
	}
	return file, nil
}

// keep holds an arena's memory without being attached to it.
func keep(a *shm.Arena) (*os.File, error) {
	fd, err := unix.FcntlInt(a.File().Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", fd), os.O_RDWR, 0)
}

// inspect attaches the memory and expects it in order.
func inspect(file *os.File) error {
	a, err := shm.Attach(file)
	if err != nil {
		return err
	}
	return errors.Join(crash.Sound(a, 1), a.Close(context.Background()))
}

// scene is an arena with a survivor at work in it.
type scene struct {
	a       *shm.Arena
	file    *os.File
	cancel  context.CancelFunc
	settled func() bool
	done    <-chan struct{}
}

func newScene(name string) (*scene, error) {
	work, ok := crash.Find(name)
	if !ok {
		return nil, fmt.Errorf("no workload %q", name)
	}
	a, err := shm.Create(crash.Budget)
	if err != nil {
		return nil, err
	}
	s := &scene{a: a, file: a.File()}
	if work.Beside != nil {
		var ctx context.Context
		ctx, s.cancel = context.WithCancel(context.Background())
		s.settled, s.done = work.Beside(ctx, a)
	}
	return s, nil
}

// end waits until the survivor has got through what the dead left, then examines the
// arena.
func (s *scene) end() error {
	if s.settled != nil {
		for end := time.Now().Add(crash.Patience); !s.settled(); {
			if time.Now().After(end) {
				return errors.New("the survivor hangs")
			}
			time.Sleep(50 * time.Microsecond)
		}
		s.cancel()
		select {
		case <-s.done:
		case <-time.After(crash.Patience):
			return errors.New("the survivor does not stop")
		}
	}
	return errors.Join(crash.Sound(s.a, 1), s.a.Close(context.Background()))
}

// victim is a process that runs a workload.
type victim struct {
	cmd   *exec.Cmd
	input io.Closer
	said  *bytes.Buffer
	gone  chan struct{}
	err   error
}

var errSurvived = errors.New("the victim did not come to the point")

func (w *walk) start(arena *os.File, name, rounds string, env ...string) (*victim, error) {
	v := &victim{cmd: exec.Command(w.victim, name, rounds), said: new(bytes.Buffer), gone: make(chan struct{})}
	v.cmd.Env = append(os.Environ(), env...)
	v.cmd.ExtraFiles = []*os.File{arena}
	v.cmd.Stdout, v.cmd.Stderr = v.said, v.said
	input, err := v.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	v.input = input
	if err := v.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { v.err = v.cmd.Wait(); close(v.gone) }()
	return v, nil
}

// stop lets the victim finish its round, and expects it to go in peace.
func (v *victim) stop() error {
	_ = v.input.Close()
	select {
	case <-v.gone:
	case <-time.After(2 * crash.Patience):
		_ = v.cmd.Process.Signal(syscall.SIGQUIT)
		<-v.gone
		return fmt.Errorf("the victim hangs: %s", v.said)
	}
	if v.err != nil {
		return fmt.Errorf("the victim: %w: %s", v.err, v.said)
	}
	return nil
}

// die waits for the victim's death; errSurvived if it came to its end without.
func (v *victim) die(patience time.Duration) error {
	select {
	case <-v.gone:
	case <-time.After(patience):
		if err := v.stop(); err != nil && !killed(v.err) {
			return err
		}
	}
	if killed(v.err) {
		return nil
	}
	if v.err == nil {
		return errSurvived
	}
	return fmt.Errorf("the victim: %w: %s", v.err, v.said)
}

func killed(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
}
