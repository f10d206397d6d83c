package tests

import (
	"slices"

	"github.com/anishathalye/porcupine"
)

// modelOf makes a model of a step: the states that may follow, none if the outcome is
// impossible. An operation of unknown outcome may also not have happened.
func modelOf[S comparable](first S, step func(s S, in input, out int64) []S) porcupine.NondeterministicModel {
	return porcupine.NondeterministicModel{
		Init: func() []any { return []any{first} },
		Step: func(state, in, out any) (next []any) {
			if out == int64(outUnknown) {
				next = append(next, state)
			}
			for _, s := range step(state.(S), in.(input), out.(int64)) {
				next = append(next, s)
			}
			return next
		},
		Equal:             func(a, b any) bool { return a == b },
		DescribeOperation: describe,
	}
}

// is reports that an outcome was this one, or may have been.
func is(out, want int64) bool { return out == want || out == outUnknown }

type lockState struct {
	owner int
	died  bool
}

var lockModel = modelOf(lockState{}, func(s lockState, in input, out int64) (next []lockState) {
	free := s.owner == 0
	switch in.op {
	case opLock, opTryLock:
		if is(out, outOK) && free && !s.died {
			next = append(next, lockState{owner: in.client})
		}
		// A free lock may be reserved for one who has waited for long: no try gets it then.
		if out == outDied && s.died || out == outRefused && (!free || in.contended) {
			next = append(next, s)
		}
	case opRecover:
		if is(out, outOK) && free {
			next = append(next, lockState{owner: in.client})
		}
	case opUnlock:
		if is(out, outOK) && s.owner == in.client {
			next = append(next, lockState{})
		}
	case opDie:
		if s.owner == in.client {
			s = lockState{died: true}
		}
		next = append(next, s)
	}
	return next
})

type semaphoreState struct {
	value int64
	held  [clients]int8
}

var semaphoreModel = modelOf(semaphoreState{value: 2}, func(s semaphoreState, in input, out int64) (next []semaphoreState) {
	switch in.op {
	case opAcquire, opTryAcquire:
		if out == outRefused && s.value == 0 {
			next = append(next, s)
		}
		if is(out, outOK) && s.value > 0 {
			s.value--
			s.held[in.client]++
			next = append(next, s)
		}
	case opRelease:
		if is(out, outOK) && s.held[in.client] > 0 {
			s.value++
			s.held[in.client]--
			next = append(next, s)
		}
	case opValue:
		if is(out, s.value) {
			next = append(next, s)
		}
	case opDie:
		s.value += int64(s.held[in.client])
		s.held[in.client] = 0
		next = append(next, s)
	}
	return next
})

const queueCap = 3

type queueState struct {
	n     int
	items [queueCap]int64
}

var queueModel = modelOf(queueState{}, func(s queueState, in input, out int64) (next []queueState) {
	switch in.op {
	case opPut, opTryPut:
		if out == outRefused && s.n == queueCap {
			next = append(next, s)
		}
		if is(out, outOK) && s.n < queueCap {
			s.items[s.n] = in.arg
			s.n++
			next = append(next, s)
		}
	case opGet, opTryGet:
		if out == outRefused && s.n == 0 {
			next = append(next, s)
		}
		if s.n > 0 && is(out, s.items[0]) {
			s.n--
			copy(s.items[:], append(slices.Clone(s.items[1:]), 0))
			next = append(next, s)
		}
	case opDie:
		next = append(next, s)
	}
	return next
})

var valueModel = modelOf(int64(0), func(s int64, in input, out int64) []int64 {
	switch in.op {
	case opStore:
		return []int64{in.arg}
	case opLoad:
		if is(out, s) {
			return []int64{s}
		}
	case opSwap:
		if is(out, s) {
			return []int64{in.arg}
		}
	case opCompareAndSwap:
		if old, to := in.arg>>8, in.arg&0xff; s == old && is(out, 1) {
			return []int64{to}
		} else if s != old && is(out, 0) {
			return []int64{s}
		}
	case opDie:
		return []int64{s}
	}
	return nil
})
