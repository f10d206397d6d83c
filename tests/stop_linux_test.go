package tests

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
	"github.com/carom-ipc/carom/tests/internal/crash"
)

// TestStopPoints stops a process at every single store to shared memory, beside a death
// that it may be sweeping and one that comes later. Everybody else goes on: the dead's
// permits, locks and items come back, objects are made, used and removed. Then the process
// goes on too, and the arena is sound. Excepted are the sections under the arena's lock, which
// stop whoever needs that lock, and those under an object's, which stop whoever needs that object.
func TestStopPoints(t *testing.T) {
	s := &stops{walk: &walk{t: t, victim: filepath.Join(t.TempDir(), "victim"), points: crashPoints(t, "futex", "shm"),
		reached: map[string]bool{}, by: map[string][]string{}}, functions: functionsOf(t, "futex", "shm"), waits: map[string]int{}}
	build := exec.Command("go", "build", "-tags", "carom_crash", "-o", s.victim, "./internal/crash/victim")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	s.choose()
	s.record()
	require.NoError(t, s.recordSweeping())
	s.each(s.sampled(maps.Keys(s.by)), s.stop)
	t.Logf("%d stops; who waited for the process: %v", s.deaths, s.waits)
}

type stops struct {
	*walk
	functions map[string]string
	waits     map[string]int // section and what waited → how often
}

// recordSweeping notes the points that a sweep passes.
func (s *stops) recordSweeping() error {
	file, err := s.withCorpse()
	if err != nil {
		return err
	}
	defer file.Close()
	record := filepath.Join(s.t.TempDir(), "record")
	v, err := s.start(file, crash.Sweeping, "1", "CAROM_CRASH_RECORD="+record)
	if err != nil {
		return err
	}
	if err := v.stop(); err != nil {
		return err
	}
	for _, p := range s.passed(record) {
		s.by[p] = slices.Insert(s.by[p], 0, crash.Sweeping) // before all others
	}
	return nil
}

// withCorpse is the memory of an arena in which a process has died that held something.
func (s *stops) withCorpse() (*os.File, error) {
	file, err := empty()
	if err != nil {
		return nil, err
	}
	return file, s.deathOf(file, crash.Dying)
}

// empty is the memory of an arena to which nobody is attached.
func empty() (*os.File, error) {
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
	return file, nil
}

func (s *stops) deathOf(file *os.File, name string) error {
	v, err := s.start(file, name, "1")
	if err != nil {
		return err
	}
	return v.die(2 * crash.Patience)
}

// stop stops a victim at a point, in some of the workloads that pass it.
func (s *stops) stop(point string) error {
	n := 0
	for _, name := range s.by[point] {
		if name == "repair" { // it removes what others are to use
			continue
		}
		stopped, err := s.stopIn(name, point)
		// Another goroutine of the process may have had what somebody waits for.
		for again := 0; again < 10 && errors.Is(err, errWaits); again++ {
			stopped, err = s.stopIn(name, point)
		}
		if err != nil {
			return fmt.Errorf("in %s: %w", name, err)
		}
		if stopped {
			s.died(point)
			n++
		}
		if n == 2 || !whole && n == 1 {
			break
		}
	}
	return nil
}

func (s *stops) stopIn(name, point string) (stopped bool, err error) {
	file, err := empty()
	if name == crash.Sweeping {
		file, err = s.withCorpse()
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	work, _ := crash.Find(name)
	var a *shm.Arena
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(<-chan struct{})
	if work.Beside != nil {
		if a, err = shm.Attach(file); err != nil {
			return false, err
		}
		_, done = work.Beside(ctx, a)
	}
	v, err := s.start(file, name, "0", "CAROM_CRASH="+point, "CAROM_CRASH_HOW=stop")
	if err != nil {
		return false, err
	}
	if stopped = v.isStopped(rounds); !stopped { // it might stop later
		_ = v.cmd.Process.Kill()
		<-v.gone
	} else {
		b, err := shm.Attach(file)
		if err != nil {
			return true, err
		}
		err = s.goesOn(b, file, name, point)
		_ = v.cmd.Process.Signal(syscall.SIGCONT)
		if err != nil {
			_ = v.cmd.Process.Kill()
			return true, err
		}
		if err := b.Close(context.Background()); err != nil {
			return true, err
		}
	}
	if err := v.stop(); stopped && err != nil {
		return stopped, fmt.Errorf("having gone on: %w", err)
	}
	cancel()
	if a == nil {
		return stopped, inspect(file)
	}
	select {
	case <-done:
	case <-time.After(crash.Patience):
		return stopped, errors.New("the survivor does not stop")
	}
	return stopped, errors.Join(crash.Sound(a, 1), a.Close(context.Background()))
}

// generous is how long anything may take that does not wait for the stopped process, and
// brief how long it is looked at whether something waits for it.
const (
	generous = 3 * time.Second
	brief    = 500 * time.Millisecond
)

// goesOn expects everybody to go on beside a process that is stopped at a point.
func (s *stops) goesOn(a *shm.Arena, file *os.File, name, point string) error {
	section := s.functions[point]
	patience := func(in map[string]string) time.Duration {
		if in[section] != "" {
			return brief
		}
		return generous
	}
	if err := crash.Works(a, patience(underArena)); err != nil {
		return s.waited("the arena", section, underArena, err)
	}
	if err := s.deathOf(file, crash.DyingToo); err != nil {
		return err
	}
	if err := crash.Inherited(a, crash.DyingToo, generous); err != nil {
		return fmt.Errorf("stopped in %s: of a later death: %w", section, err)
	}
	if name != crash.Sweeping {
		return nil
	}
	if err := crash.Inherited(a, crash.Dying, patience(underObject)); err != nil {
		return s.waited("an object", section, underObject, err)
	}
	return nil
}

var errWaits = errors.New("somebody waits for")

// waited is the error of a process that waits for the stopped process, nil where that is known.
func (s *stops) waited(what, section string, known map[string]string, err error) error {
	s.mu.Lock()
	s.waits[section+" ("+what+")"]++
	s.mu.Unlock()
	if known[section] != "" && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errs.ErrEmpty)) {
		return nil
	}
	return fmt.Errorf("stopped in %s: %w %s: %w", section, errWaits, what, err)
}

// isStopped waits until the victim is stopped; false if it goes, or does not stop in time.
func (v *victim) isStopped(patience time.Duration) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Microsecond) {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", v.cmd.Process.Pid))
		switch bytesAfterCommand(b) {
		case 'T':
			return true
		case 'Z', 0:
			return false
		}
	}
	return false
}

// functionsOf maps each crash point to the file and function that it stands in.
func functionsOf(t *testing.T, dirs ...string) map[string]string {
	functions := map[string]string{}
	eachCrashPoint(t, dirs, func(point, _, function string) {
		file, _, _ := strings.Cut(point, ":")
		functions[point] = file + ": " + function
	})
	return functions
}

// Why a process has the arena's lock, or an object's, where it stops.
const (
	ofHeap      = "a block is taken or freed; what blocks belong to changes under one lock"
	ofDirectory = "an object is made, attached, detached or freed; its memory is cleared under the lock"
	ofSweep     = "a batch of a dead process's attachments or blocks"
	ofRebuild   = "the last owner of the lock died, and what is derived is derived anew"
	ofMutex     = "the lock itself is being taken or given back"
	ofKind      = "the sweep of an object, under the object's own lock"
)

// underArena are the functions in which a process that stops may hold the arena's lock, and
// underObject those in which it may hold the lock of what it sweeps.
var (
	underArena = map[string]string{
		"shm/alloc.go: allocFlights":                 ofHeap,
		"shm/alloc.go: allocRun":                     ofHeap,
		"shm/alloc.go: allocSmall":                   ofHeap,
		"shm/alloc.go: discardChunks":                ofHeap,
		"shm/alloc.go: free":                         ofHeap,
		"shm/alloc.go: freeAll":                      ofHeap,
		"shm/alloc.go: idle":                         ofHeap,
		"shm/alloc.go: landed":                       ofHeap,
		"shm/alloc.go: linkPartial":                  ofHeap,
		"shm/alloc.go: unlinkPartial":                ofHeap,
		"shm/alloc.go: useChunks":                    ofHeap,
		"shm/alloc.go: give":                         ofHeap,
		"shm/alloc.go: take":                         ofHeap,
		"shm/directory.go: publish":                  ofDirectory,
		"shm/directory.go: reap":                     ofDirectory,
		"shm/directory.go: shrink":                   ofDirectory,
		"shm/directory.go: splitBucket":              ofDirectory,
		"shm/directory.go: unlink":                   ofDirectory,
		"shm/identity.go: nextSerial":                ofDirectory,
		"shm/object.go: attach":                      ofDirectory,
		"shm/object.go: create":                      ofDirectory,
		"shm/quarantine.go: detach":                  ofDirectory,
		"shm/queue_unsafe.go: initQueue":             ofDirectory,
		"shm/process_sweeper.go: detach":             ofSweep,
		"shm/process_sweeper.go: sweepMemory":        ofSweep,
		"shm/process_sweeper.go: leaveToSweeper":     ofSweep,
		"shm/process_owed.go: settle":                ofSweep,
		"shm/directory_types.go: typeIndex":          ofDirectory,
		"shm/directory_rebuild.go: rebuild":          ofRebuild,
		"shm/directory_rebuild.go: rebuildTypes":     ofRebuild,
		"shm/directory_rebuild.go: rebuildDirectory": ofRebuild,
		"shm/directory_rebuild.go: rebuildHeap":      ofRebuild,
		"shm/directory_rebuild.go: rebuildChunk":     ofRebuild,
		"futex/mutex.go: TryOwn":                     ofMutex,
		"futex/mutex.go: TryDisown":                  ofMutex,
		"futex/mutex.go: acquire":                    ofMutex,
		"futex/mutex.go: unlockSlow":                 ofMutex,
		"futex/mutex.go: unlockWaking":               ofMutex,
	}
	underObject = map[string]string{
		"futex/mutex.go: TryOwn":            ofMutex,
		"futex/mutex.go: TryDisown":         ofMutex,
		"futex/mutex.go: acquire":           ofMutex,
		"futex/mutex.go: unlockSlow":        ofMutex,
		"futex/mutex.go: unlockWaking":      ofMutex,
		"shm/queue_claim.go: reclaim":       ofKind,
		"shm/queue_claim.go: giveBack":      ofKind,
		"shm/queue_claim.go: moveBase":      ofKind,
		"shm/queue_claim.go: recoverClaims": ofKind,
		"shm/queue_claim.go: retired":       ofKind,
		"shm/queue_claim.go: retiring":      ofKind,
		"shm/queue_pinned.go: count":        ofKind,
		"shm/queue_pinned.go: linkBack":     ofKind,
		"shm/queue_pinned.go: unpin":        ofKind,
		"shm/queue.go: advanceTail":         ofKind,
		"shm/queue.go: retireBlock":         ofKind,
		"shm/queue_take.go: recoverHead":    ofKind,
		"shm/queue.go: recoverTail":         ofKind,
		"shm/semaphore.go: handOut":         ofKind,
		"shm/semaphore.go: recount":         ofKind,
		"shm/waitlist.go: remove":           ofKind,
		"shm/waitlist.go: unlinkHeld":       ofKind,
		"shm/waitlist.go: unlink":           ofKind,
		"shm/waitlist.go: rebuild":          ofKind,
	}
)
