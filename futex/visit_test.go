//go:build !carom_sched

package futex

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// guests are processes' guests: all share the process's life.
func (w *world) guest(t *testing.T, d *Domain, slot uint32) *Domain {
	w.alive[slot] = 1
	g := d.As(MakeID(slot, 1))
	t.Cleanup(func() {
		if !g.Closed() {
			g.Close()
		}
	})
	return g
}

// Guests of one process hold a lock each in a name of its own, and pass it on through the
// process's one gate.
func TestGuestsContend(t *testing.T) {
	w := new(world)
	d := w.join(t, 1)
	other := w.join(t, 2)
	in, total := 0, 0
	done := make(chan error)
	who := []*Domain{d, other, w.guest(t, d, 3), w.guest(t, d, 4), w.guest(t, d, 5)}
	const each = 2000
	for _, g := range who {
		for range 2 {
			go func() {
				var err error
				for range each {
					if _, err = w.mutex().Lock(context.Background(), g, Report); err != nil {
						break
					}
					if id, _ := w.mutex().Holder(); id != g.Self() {
						err = errs.ErrNotOwner
						break
					}
					in++
					if in == 1 {
						total++
					}
					in--
					if err = w.mutex().Unlock(g); err != nil {
						break
					}
				}
				done <- err
			}()
		}
	}
	for range 2 * len(who) {
		require.NoError(t, <-done)
	}
	require.Equal(t, 2*len(who)*each, total)
}

// waitAll begins one wait of each sort, in d.
func (w *world) waitAll(d *Domain, own *uint32) <-chan error {
	got := make(chan error, 4)
	go func() { _, err := w.mutex().Lock(context.Background(), d, Report); got <- err }()
	go func() { got <- w.event().Wait(context.Background(), d) }()
	go func() { got <- w.notifier().Wait(context.Background(), d, func() bool { return false }) }()
	go func() { got <- d.Await(context.Background(), own, 0, own) }()
	return got
}

// allClosed finds that all waits ended with ErrClosed.
func allClosed(t *testing.T, waits ...<-chan error) {
	t.Helper()
	for _, got := range waits {
		for range 4 {
			require.ErrorIs(t, <-got, errs.ErrClosed)
		}
	}
}

// Close ends the waits of one guest, those that queue at a gate, sleep in the kernel or are
// parked among them, and no other's.
func TestGuestCloses(t *testing.T) {
	each(t, func(t *testing.T) {
		w := new(world)
		d := w.join(t, 1)
		a, b := w.guest(t, d, 3), w.guest(t, d, 4)
		_, err := w.mutex().Lock(t.Context(), d, Report)
		require.NoError(t, err)
		const crowd = 20 // with four waits each, more than have records
		var inA []<-chan error
		for i := range crowd {
			inA = append(inA, w.waitAll(a, &w.words[40+i]))
		}
		inB := w.waitAll(b, &w.words[39])
		for a.inside.Load() < 4*crowd || b.inside.Load() < 4 {
			runtime.Gosched()
		}
		a.Close()
		allClosed(t, inA...)
		require.Zero(t, a.inside.Load())
		require.Zero(t, a.records.Load())
		require.Empty(t, inB)

		require.NoError(t, w.mutex().Unlock(d))
		w.event().Set(d)
		d.Set(&w.words[39], 1).Wake()
		for range 3 {
			require.NoError(t, <-inB)
		}
		b.Close()
		require.ErrorIs(t, <-inB, errs.ErrClosed)
	})
}

// Domains stand below each other: of a process its handles and guests, of a guest its
// handles. Close ends the waits of one and of those below.
func TestVisitsNest(t *testing.T) {
	for _, crowd := range []int{0, 70} { // with a crowd there are no records left: a goroutine that waits is parked
		t.Run(fmt.Sprint(crowd), func(t *testing.T) {
			each(t, func(t *testing.T) {
				w := new(world)
				d := w.join(t, 1)
				_, err := w.mutex().Lock(t.Context(), d, Report)
				require.NoError(t, err)
				others, done := make(chan error, crowd), d.Visit()
				for i := range crowd {
					word := &w.recs[7][i]
					go func() { others <- done.Await(context.Background(), (*uint32)(unsafe.Pointer(word)), 0, nil) }()
				}
				sleeping(d, uint64(crowd))
				guest := w.guest(t, d, 3)
				all := []*Domain{d, d.Visit(), guest, guest.Visit(), guest.Visit()}
				require.Equal(t, guest.Self(), all[4].Self())
				var waits []<-chan error
				for i, v := range all {
					waits = append(waits, w.waitAll(v, &w.words[40+i]))
				}
				for guest.inside.Load() < 12 || all[1].inside.Load() < 4 {
					runtime.Gosched()
				}
				sleeping(d, uint64(crowd)+8) // a gate's first and each Await

				all[4].Close()
				all[4].Close()
				allClosed(t, waits[4])
				require.False(t, guest.Closed())
				require.True(t, all[4].Closed())
				guest.Close()
				require.True(t, all[3].Closed())
				allClosed(t, waits[2:4]...)
				all[1].Close()
				allClosed(t, waits[1])
				require.Empty(t, waits[0], "the process's own go on")
				_, err = w.mutex().Lock(context.Background(), all[1].Visit(), Report)
				require.ErrorIs(t, err, errs.ErrClosed, "nobody waits below a closed one")
				d.Close()
				allClosed(t, waits[0])
				for range crowd {
					require.ErrorIs(t, <-others, errs.ErrClosed)
				}
			})
		})
	}
}

// A Domain that nobody waits in is one small object.
func TestVisitIsCheap(t *testing.T) {
	d := new(world).join(t, 1)
	var v *Domain
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { v = d.Visit(); v.Close() }), 1.0)
	require.LessOrEqual(t, unsafe.Sizeof(*v), uintptr(48))
}
