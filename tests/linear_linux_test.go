package tests

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// A history is what several processes did to one object and what came of it, with tickets
// from one shared counter before and after each operation. It is checked for
// linearizability. An operation of a process that was killed in it may have taken effect
// until the process was dead, or never.

// Words of an entry. The ticket before the operation is written last before it, the
// ticket after it last.
const (
	wordWhat = iota
	wordArg
	wordCall
	wordOut
	wordReturn
	wordsPerEntry
)

// Operations.
const (
	opLock = iota
	opTryLock
	opRecover
	opUnlock
	opAcquire
	opTryAcquire
	opRelease
	opValue
	opPut
	opTryPut
	opGet
	opTryGet
	opStore
	opLoad
	opSwap
	opCompareAndSwap
	opDie
)

// Outcomes besides values.
const (
	outOK      = 0
	outDied    = -1 // ErrOwnerDied
	outRefused = -2 // ErrLocked, ErrFull, ErrEmpty
	outUnknown = -3 // its process died
	outVoid    = -4 // cancelled: it did not happen
)

const clients = 16 // lives in one history

type history struct {
	Log   *carom.Array[int64]
	Next  *carom.Value[int64]
	Clock *carom.Value[int64]
	Here  *carom.Value[int64] // processes that have come
	Begin *carom.Event        // now they may
	Idle  *carom.Value[int64] // processes that are through
}

func newHistory(m *carom.Manager) history {
	return history{carom.Must(carom.NewArray[int64](m, "", 400*wordsPerEntry)), carom.Must(carom.NewValue[int64](m, "")),
		carom.Must(carom.NewValue[int64](m, "")), carom.Must(carom.NewValue[int64](m, "")),
		carom.Must(carom.NewEvent(m, "")), carom.Must(carom.NewValue[int64](m, ""))}
}

// do records an operation; false when the history is full.
func (h history) do(client, op int, arg int64, f func() int64) (out int64, ok bool) {
	i := int(carom.Add(h.Next, 1)-1) * wordsPerEntry
	if i >= h.Log.Len() {
		return 0, false
	}
	h.Log.Store(i+wordWhat, int64(client)<<8|int64(op))
	h.Log.Store(i+wordArg, arg)
	h.Log.Store(i+wordCall, carom.Add(h.Clock, 1))
	out = f()
	h.Log.Store(i+wordOut, out)
	h.Log.Store(i+wordReturn, carom.Add(h.Clock, 1))
	return out, true
}

type input struct {
	client, op int
	arg        int64
	contended  bool // somebody else waited for the lock meanwhile
}

// operations are the history's. died has the ticket after each client's death.
func (h history) operations(died map[int]int64) (list []porcupine.Operation) {
	for i := 0; i < h.Log.Len(); i += wordsPerEntry {
		what, call, ret := h.Log.Load(i+wordWhat), h.Log.Load(i+wordCall), h.Log.Load(i+wordReturn)
		client, out := int(what>>8), h.Log.Load(i+wordOut)
		if call == 0 {
			continue
		}
		if ret == 0 && died[client] == 0 {
			panic("an operation without end of a process that lives")
		}
		if ret == 0 {
			ret, out = died[client], outUnknown
		}
		list = append(list, porcupine.Operation{ClientId: client, Input: input{client, int(what & 0xff), h.Log.Load(i + wordArg), false},
			Call: call, Output: out, Return: ret})
	}
	for i, o := range list {
		in := o.Input.(input)
		in.contended = in.op == opTryLock && slices.ContainsFunc(list, func(p porcupine.Operation) bool {
			op := p.Input.(input).op
			return (op == opLock || op == opRecover) && p.Call < o.Return && o.Call < p.Return
		})
		list[i].Input = in
	}
	return slices.DeleteFunc(list, func(o porcupine.Operation) bool { return o.Output == int64(outVoid) })
}

type linearArgs struct {
	history
	What   string
	Client int
	Seed   uint64
	Lock   *carom.Lock
	Sem    *carom.BoundedSemaphore
	Queue  *carom.Queue[int64]
	Word   *carom.Value[int64]
	Big    *carom.Value[big]
}

func outcome(err error) int64 {
	switch {
	case err == nil:
		return outOK
	case errors.Is(err, carom.ErrOwnerDied):
		return outDied
	case errors.Is(err, carom.ErrWouldBlock):
		return outRefused
	case errors.Is(err, context.DeadlineExceeded):
		return outVoid
	}
	panic(err)
}

var linearWorker = carom.NewWorker("linear", func(ctx context.Context, a linearArgs) error {
	r := rand.New(rand.NewPCG(a.Seed, uint64(a.Client)))
	held := 0
	carom.Add(a.Here, 1)
	if err := a.Begin.Wait(ctx); err != nil {
		return err
	}
	for on := true; on && ctx.Err() == nil; {
		short, cancel := context.WithTimeout(ctx, time.Duration(r.IntN(3000))*time.Microsecond)
		do := func(op int, arg int64, f func() int64) (out int64) {
			if on {
				out, on = a.do(a.Client, op, arg, f)
			}
			return out
		}
		time.Sleep(time.Duration(r.IntN(150)) * time.Microsecond) // room for the others, and for deaths
		switch a.What {
		case "lock":
			var out int64
			if r.IntN(2) == 0 {
				out = do(opLock, 0, func() int64 { return outcome(a.Lock.Lock(short)) })
			} else {
				out = do(opTryLock, 0, func() int64 { return outcome(a.Lock.TryLock()) })
			}
			if out == outDied && on {
				out = do(opRecover, 0, func() int64 { return outcome(a.Lock.Recover(short)) })
			}
			if out == outOK && on {
				time.Sleep(time.Duration(r.IntN(200)) * time.Microsecond)
				do(opUnlock, 0, func() int64 { return outcome(a.Lock.Unlock()) })
			}
		case "semaphore":
			switch k := r.IntN(4); {
			case k == 0:
				do(opValue, 0, func() int64 { return int64(a.Sem.Value()) })
			case held > 0 && k < 3:
				held--
				do(opRelease, 0, func() int64 { return outcome(a.Sem.Release()) })
			case k == 1:
				if do(opTryAcquire, 0, func() int64 { return outcome(a.Sem.TryAcquire()) }) == outOK {
					held++
				}
			default:
				if do(opAcquire, 0, func() int64 { return outcome(a.Sem.Acquire(short)) }) == outOK {
					held++
				}
			}
		case "queue":
			item := int64(a.Client)<<32 | r.Int64N(1<<31)
			get := func(f func() (int64, error)) func() int64 {
				return func() int64 {
					v, err := f()
					if err != nil {
						return outcome(err)
					}
					return v
				}
			}
			switch r.IntN(4) {
			case 0:
				do(opPut, item, func() int64 { return outcome(a.Queue.Put(short, item)) })
			case 1:
				do(opTryPut, item, func() int64 { return outcome(a.Queue.TryPut(item)) })
			case 2:
				do(opGet, 0, get(func() (int64, error) { return a.Queue.Get(short) }))
			case 3:
				do(opTryGet, 0, get(a.Queue.TryGet))
			}
		case "word":
			v := r.Int64N(5)
			switch r.IntN(4) {
			case 0:
				do(opStore, v, func() int64 { a.Word.Store(v); return outOK })
			case 1:
				do(opLoad, 0, a.Word.Load)
			case 2:
				do(opSwap, v, func() int64 { return a.Word.Swap(v) })
			case 3:
				old := r.Int64N(5)
				do(opCompareAndSwap, old<<8|v, func() int64 { return asInt(carom.CompareAndSwap(a.Word, old, v)) })
			}
		case "big":
			v := r.Int64N(5)
			switch r.IntN(4) {
			case 0:
				do(opStore, v, func() int64 { a.Big.Store(all(v)); return outOK })
			case 1:
				do(opLoad, 0, func() int64 { return one(a.Big.Load()) })
			case 2:
				do(opSwap, v, func() int64 { return one(a.Big.Swap(all(v))) })
			case 3:
				old := r.Int64N(5)
				do(opCompareAndSwap, old<<8|v, func() int64 { return asInt(carom.CompareAndSwap(a.Big, all(old), all(v))) })
			}
		}
		cancel()
	}
	carom.Add(a.Idle, 1) // its end would be another death
	<-ctx.Done()
	return nil
})

func all(v int64) (b big) {
	for i := range b {
		b[i] = v
	}
	return b
}

func one(b big) int64 {
	if b.torn() {
		return -100
	}
	return b[0]
}

func asInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// TestLinearizable has four processes work on an object while some of them are killed.
func TestLinearizable(t *testing.T) {
	for what, model := range map[string]porcupine.NondeterministicModel{"lock": lockModel, "semaphore": semaphoreModel,
		"queue": queueModel, "word": valueModel, "big": valueModel} {
		t.Run(what, func(t *testing.T) {
			for range 3 {
				m := manager(t)
				linearRound(t, m, what, model.ToModel())
				checked(t, m)
				require.NoError(t, m.Close())
			}
		})
	}
}

func linearRound(t *testing.T, m *carom.Manager, what string, model porcupine.Model) {
	h := newHistory(m)
	args := linearArgs{history: h, What: what, Seed: uint64(time.Now().UnixNano()), Lock: carom.Must(carom.NewLock(m, "lock")),
		Sem: carom.Must(carom.NewBoundedSemaphore(m, "semaphore", 2)), Queue: carom.Must(carom.NewQueue[int64](m, "queue", carom.Cap(queueCap))),
		Word: carom.Must(carom.NewValue[int64](m, "word")), Big: carom.Must(carom.NewValue[big](m, "big"))}
	lives := 0
	start := func() (*carom.Process, int) {
		lives++
		a := args
		a.Client = lives
		p, err := linearWorker.Start(t.Context(), m, a)
		require.NoError(t, err)
		return p, lives
	}
	var procs [4]*carom.Process
	var names [4]int
	for i := range procs {
		procs[i], names[i] = start()
	}
	eventually(t, "all have come", func() bool { return h.Here.Load() == int64(len(procs)) })
	require.NoError(t, h.Begin.Set())
	died := map[int]int64{}
	full := func() bool { return int(h.Next.Load())*wordsPerEntry >= h.Log.Len() }
	for i := 0; lives < clients-1; i = (i + 1) % 4 {
		from := h.Next.Load()
		eventually(t, "they do something", func() bool { return h.Next.Load() >= from+25 || full() })
		if full() {
			break
		}
		// A process that is killed before it is attached leaves nothing to sweep.
		eventually(t, "all are here", func() bool { return h.Here.Load() == int64(lives) })
		recovered := m.Stats().Recoveries
		swept := func() bool { return m.Stats().Recoveries > recovered }
		if remote { // a session is no process that others find dead
			swept = func() bool { return m.Stats().Processes <= len(procs)+1 }
		}
		h.do(names[i], opDie, 0, func() int64 {
			_ = procs[i].Kill()
			_ = procs[i].Wait()
			eventually(t, "it is swept", swept)
			return outOK
		})
		died[names[i]] = carom.Add(h.Clock, 1)
		procs[i], names[i] = start()
	}
	eventually(t, "the last are through", func() bool { return h.Idle.Load() >= int64(len(procs)) })
	for _, p := range procs {
		kill(t, p)
	}
	list := h.operations(died)
	got := porcupine.CheckOperationsTimeout(model, list, 15*time.Second)
	t.Logf("%d operations, %d deaths: %v", len(list), len(died), got)
	if got == porcupine.Illegal {
		_, info := porcupine.CheckOperationsVerbose(model, list, 15*time.Second)
		file := t.ArtifactDir() + "/history.html"
		_ = porcupine.VisualizePath(model, info, file)
		var best []int // the longest prefix that can be explained
		for _, part := range info.PartialLinearizations() {
			for _, l := range part {
				if len(l) > len(best) {
					best = l
				}
			}
		}
		for k, i := range best[max(0, len(best)-20):] {
			t.Logf("%d: %+v", k, list[i])
		}
		for i, o := range list {
			if !slices.Contains(best, i) {
				t.Logf("left: %+v", o)
			}
		}
		t.Fatal("not linearizable: ", file)
	}
}

func describe(in, out any) string { return fmt.Sprintf("%v → %v", in, out) }
