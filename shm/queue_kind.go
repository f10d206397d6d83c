package shm

import (
	"context"
	"fmt"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
)

func init() {
	ops := Ops{Sweep: sweepQueue, Free: freeQueue, Extra: queueBytes, Check: checkQueue, Blocks: queueBlocks}
	for _, k := range []Kind{Queue, ByteQueue} {
		ops.Name = kinds[k].Name
		kinds[k] = ops
	}
}

// sweepQueue makes sure that what the dead owner of a lock had begun is finished
// before its blocks in flight are freed, and returns what it had taken. A lock that
// somebody alive holds has been taken over already.
func sweepQueue(a *Arena, d *futex.Domain, o Ref, dead futex.ID) {
	q := a.items(o, nil, d)
	// The dead may have had to wake somebody still, after it had given its lock back.
	defer func() {
		q.h.notEmpty.NotifyAll(a.sentry)
		q.h.notFull.NotifyAll(a.sentry)
		q.h.joined.NotifyAll(a.sentry)
	}()
	if dead != a.self {
		q.h.tail.lock.Release(a.sentry, dead)
		q.h.head.lock.Release(a.sentry, dead)
	}
	if recovered, err := q.h.tail.lock.TryLock(a.sentry, futex.TakeOver); err == nil {
		if recovered {
			q.recoverTail()
		}
		q.unlockTail()
	}
	if !q.Confirms() {
		if recovered, err := q.h.head.lock.TryLock(a.sentry, futex.TakeOver); err == nil {
			if recovered {
				q.recoverHead()
			}
			q.unlockHead()
		}
		return
	}
	if q.holdHead(context.Background(), d) == nil {
		q.reclaim(dead)
		q.finished()
		q.unlockHead()
	}
}

// freeQueue frees the chain and the large items in it. Nobody has the queue attached.
func freeQueue(a *Arena, o Ref) {
	queueBlocks(a, o, a.free)
}

func queueBlocks(a *Arena, o Ref, f func(off uint64)) {
	q := a.items(o, nil, nil)
	first := q.h.head.cursor
	if q.Confirms() {
		first = q.h.base
	}
	seg, pos := segmentOf(first), positionOf(first)
	for steps := 0; seg != 0 && steps < maxChunks; steps++ {
		size := a.blockSize(seg)
		if size == 0 {
			return
		}
		next := atom.Load64(q.long(seg))
		linked := false
		for pos+itemHead <= size {
			word := atom.Load32(q.word(seg + pos))
			if word == 0 || word&3 == tagJump {
				linked = word == tagJump
				break
			}
			if q.hasBlock(seg + pos) {
				f(*q.long(seg + pos + itemHead))
			}
			pos += itemHead + roundUp(uint64(word>>2), 8)
		}
		f(seg)
		if !linked {
			return
		}
		seg, pos = next, segmentHead
	}
}

func queueBytes(a *Arena, o Ref) uint64 { return atom.Load64(&a.items(o, nil, nil).h.bytes) }

func checkQueue(a *Arena, o Ref, report func(string)) {
	q := a.items(o, nil, nil)
	if q.h.cap != o.Param {
		report(fmt.Sprintf("cap %d, the directory says %d", q.h.cap, o.Param))
	}
	cursors := map[string]uint64{"head": atom.Load64(&q.h.head.cursor), "tail": atom.Load64(&q.h.tail.cursor)}
	if q.Confirms() { // else base stays where the first segment was
		cursors["base"] = atom.Load64(&q.h.base)
	}
	for name, c := range cursors {
		if c != 0 && a.blockSize(segmentOf(c)) == 0 {
			report(fmt.Sprintf("%s cursor %#x is in no segment", name, c))
		}
	}
	for name, s := range map[string]*side{"head": &q.h.head, "tail": &q.h.tail} {
		if id, _ := s.lock.Holder(); id != 0 && !a.listed(id) {
			report(fmt.Sprintf("%s lock is held by process %v, which is dead", name, id))
		}
	}
	head := atom.Load64(&q.h.head.count)
	id, died := q.h.tail.lock.Holder() // a producer counts its item after it can be taken
	if tail := atom.Load64(&q.h.tail.count); head > tail && id == 0 && !died {
		report(fmt.Sprintf("%d items taken of %d put", head, tail))
	}
}
