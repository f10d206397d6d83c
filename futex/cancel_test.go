package futex

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/atom"
)

// A sleep with a context that can end costs no memory, once the context is known.
func TestSleepsAllocateNothing(t *testing.T) {
	each(t, func(t *testing.T) {
		w := new(world)
		a := w.join(t, 1)
		word := &w.words[0]
		begin := make(chan uint32)
		go func() {
			for slept := uint64(0); ; {
				v, ok := <-begin
				if !ok {
					return
				}
				slept++
				sleeping(a, slept)
				atom.Store32(word, v)
				a.WakeAll(word)
			}
		}()
		defer close(begin)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		v := uint32(0)
		changed := func() bool { return atom.Load32(word) == v }
		require.Less(t, testing.AllocsPerRun(200, func() {
			v++
			begin <- v
			s := a.startSleep(ctx, word)
			for !changed() {
				s.sleep(v-1, nil, 0, 0)
			}
			s.finish()
		}), 1.0)
	})
}

// Contexts come and go, more than are kept; each ends the sleeps that are its own.
func TestManyContexts(t *testing.T) {
	each(t, func(t *testing.T) {
		w := new(world)
		a := w.join(t, 1)
		sleep := func(ctx context.Context, woken chan<- int, i int) {
			s := a.startSleep(ctx, &w.words[i])
			for s.err() == nil && atom.Load32(&w.words[i]) == 0 {
				s.sleep(0, nil, 0, 0)
			}
			s.finish()
			woken <- i
		}
		const n = 2 * idleEndings
		var cancels [n]context.CancelFunc
		var ctxs [n]context.Context
		woken := make(chan int, 2*n)
		for i := range n { // each context twice, and awaited by nobody in between
			ctxs[i], cancels[i] = context.WithCancel(t.Context())
			before, _ := a.Stats()
			go sleep(ctxs[i], woken, 0)
			sleeping(a, before+1)
			atom.Store32(&w.words[0], 1)
			a.WakeAll(&w.words[0])
			<-woken
			atom.Store32(&w.words[0], 0)
		}
		require.Len(t, a.endings.open, idleEndings)
		for i := range n {
			before, _ := a.Stats()
			go sleep(ctxs[i], woken, i)
			go sleep(ctxs[i], woken, i)
			for s, _ := a.Stats(); s < before+2; s, _ = a.Stats() {
			}
		}
		require.Len(t, a.endings.open, n)
		for i := range n {
			cancels[i]()
			require.Equal(t, i, <-woken)
			require.Equal(t, i, <-woken)
		}
		require.Empty(t, a.endings.open)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		go sleep(ctx, woken, 0)
		require.Zero(t, <-woken)
	})
}
