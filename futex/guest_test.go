//go:build !carom_sched

package futex

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

// guests are processes' guests: all share the process's life.
func (w *world) guest(t *testing.T, d *Domain, slot uint32) *Domain {
	w.alive[slot] = 1
	g := d.As(MakeID(slot, 1))
	t.Cleanup(func() {
		if !g.closed() {
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

// Close ends the waits of one guest, those that queue at a gate among them, and no other's.
func TestGuestCloses(t *testing.T) {
	each(t, func(t *testing.T) {
		w := new(world)
		d := w.join(t, 1)
		a, b := w.guest(t, d, 3), w.guest(t, d, 4)
		_, err := w.mutex().Lock(t.Context(), d, Report)
		require.NoError(t, err)
		wait := func(g *Domain, own *uint32) <-chan error {
			got := make(chan error, 4)
			go func() { _, err := w.mutex().Lock(context.Background(), g, Report); got <- err }()
			go func() { got <- w.event().Wait(t.Context(), g) }()
			go func() { got <- w.notifier().Wait(t.Context(), g, func() bool { return false }) }()
			go func() { got <- g.Await(context.Background(), own, 0, own) }()
			return got
		}
		const crowd = 20 // more than have records
		var inA []<-chan error
		for i := range crowd {
			inA = append(inA, wait(a, &w.words[40+i]))
		}
		inB := wait(b, &w.words[39])
		for a.visit.inside.Load() < crowd || b.visit.inside.Load() < 4 {
			runtime.Gosched()
		}
		a.Close()
		for _, got := range inA {
			for range 4 {
				require.ErrorIs(t, <-got, errs.ErrClosed)
			}
		}
		require.Zero(t, a.visit.inside.Load())
		require.Zero(t, a.visit.records.Load())
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
