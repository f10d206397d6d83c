package futex

import (
	"sync/atomic"
	"time"
)

// A wait begins with looking at the word for about what a block and a wake-up cost where
// it matters: a lock is given back soon or not at all, a message is worth waiting for.
const (
	lockSpin    = 5 * time.Microsecond
	messageSpin = 20 * time.Microsecond
	// answerSpin is for those who ask a server and wait for nothing else. Where both sides have
	// gone to sleep, one has to look for as long as the other takes to wake up, on another CPU
	// 30 to 50 µs, for both to find out that looking pays.
	answerSpin = 80 * time.Microsecond

	spinBatch = 2 // pauses between two looks
	// lockApart is how many batches the looks at a lock may grow apart: each takes the
	// word's cache line from the owner, who could otherwise go on without a miss.
	lockApart = 16
	// probeAfter is how many messages are awaited asleep before looking is tried again,
	// when it does not pay: mostly since the other side runs on the same CPU.
	probeAfter = 256
	// probeAnswerAfter is the same for answers: to find the other awake is worth more there.
	probeAnswerAfter = 64
)

// spinner decides how long to look before sleeping. The limit is learned for each word
// (by hash) and class of wait, as PostgreSQL's spins_per_delay is: it grows when looking
// sufficed and decays when it did not.
type spinner struct {
	busy    atomic.Bool // one goroutine of a process spins for locks at a time
	lock    [gateShards]atomic.Int32
	message [gateShards]atomic.Int32 // looks; -n: none for the next n waits; 0: not known
}

// spinForMessage looks until ready reports true or the limit learned for word is reached.
// Elapsed time does not change the limit; only success does: an answer that usually comes
// at once is the one that is worth waiting out an interruption for.
func (d *Domain) spinForMessage(word *uint32, longest time.Duration, ready func() bool) bool {
	most := looks() * int32(longest/time.Microsecond)
	if most == 0 {
		return false
	}
	limit := &d.spin.message[gateIndex(word)]
	learned := limit.Load()
	switch {
	case learned < 0:
		limit.Store(learned + 1)
		return false
	case learned == 0:
		learned = most
	}
	for range min(most, learned) {
		if ready() {
			limit.Store(learned + (most-learned)/8)
			return true
		}
		pause(spinBatch)
	}
	if learned -= learned/16 + 1; limit.Load() == 0 || learned < looks() {
		learned = -probeAfter
		if longest == answerSpin {
			learned = -probeAnswerAfter
		}
	}
	limit.Store(learned)
	return false
}

// spinForLock is the same for a lock, which is looked at for a microsecond at least.
func (d *Domain) spinForLock(word *uint32, ready func() bool) bool {
	most := looks() * int32(lockSpin/time.Microsecond)
	if most == 0 {
		return false
	}
	limit := &d.spin.lock[gateIndex(word)]
	learned := limit.Load()
	apart := int32(1)
	for left := max(looks(), min(most, learned)); left > 0; left -= apart {
		if ready() {
			limit.Store(learned + (most-learned+7)/8)
			return true
		}
		pause(uint32(spinBatch * apart))
		apart = min(2*apart, lockApart)
	}
	limit.Store(learned - learned/16)
	return false
}

// Spin looks until ready reports true, for about as long as n's notification is worth
// waiting for awake.
func (n *Notifier) Spin(d *Domain, ready func() bool) bool {
	return d.spinForMessage(&n.word, messageSpin, ready)
}

// Spin is a Notifier's, of a word.
func (d *Domain) Spin(word *uint32, ready func() bool) bool {
	return d.spinForMessage(word, messageSpin, ready)
}

// SpinForAnswer looks until ready reports true, for as long as that has paid lately for the
// word, which only names what is waited for.
func (d *Domain) SpinForAnswer(word *uint32, ready func() bool) bool {
	return d.spinForMessage(word, answerSpin, ready)
}
