//go:build carom_sched

package futex

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/carom-ipc/carom/internal/sched"
)

// The kernel of schedules.

const wakeEverybody = 1<<31 - 1

type waitv = sched.Word

var waitvMissing atomic.Bool

func wait(word *uint32, val uint32) { waitBits(word, val, sched.MatchAny, 0) }

func waitBits(word *uint32, val, bits uint32, d time.Duration) {
	sched.Wait([]waitv{{Addr: word, Val: val}}, bits, d)
}

func waitMany(w []waitv, d time.Duration) bool {
	if waitvMissing.Load() {
		return false
	}
	sched.Wait(w, sched.MatchAny, d)
	return true
}

func wake(word *uint32, n int) int          { return sched.Wake(word, n, sched.MatchAny) }
func waitPrivate(word *uint32, val uint32)  { wait(word, val) }
func wakePrivate(word *uint32)              { wake(word, wakeEverybody) }
func wakeBits(word *uint32, bits uint32)    { sched.Wake(word, wakeEverybody, bits) }
func sharedWord(w *uint32, v uint32) waitv  { return waitv{Addr: w, Val: v} }
func privateWord(w *uint32, v uint32) waitv { return waitv{Addr: w, Val: v} }

func now() time.Time      { return sched.Now() }
func nap(d time.Duration) { sched.Sleep(d) }

func afterFunc(ctx context.Context, f func()) (stop func() bool) { return sched.AfterFunc(ctx, f) }

// turn is a futex word of the process's own.
type turn struct{ given *uint32 }

func newTurn() turn { return turn{new(uint32)} }

func (t turn) give() {
	*t.given = 1
	wakePrivate(t.given)
}

func (t turn) reset() { *t.given = 0 }

func (t turn) await(ctx context.Context) bool {
	if ctx.Done() != nil {
		defer afterFunc(ctx, func() { wakePrivate(t.given) })()
	}
	for *t.given == 0 {
		if ctx.Err() != nil {
			return false
		}
		if *t.given == 0 { // the look at the context was a point of the schedule
			wait(t.given, 0)
		}
	}
	return true
}

// looks makes a spin of one look, or of none.
func looks() int32 {
	if sched.Maybe() {
		return 1
	}
	return 0
}
