package coord

import (
	"encoding/binary"
	"fmt"
)

// replyLog keeps the frames of replies until the client acknowledges them, so
// that they can be sent again on another connection. Replies count from 1, in
// the order in which they were sent for the first time.
//
// Beyond limit bytes it forgets the oldest; the last one it always has.
type replyLog struct {
	limit    int
	first    uint64   // number of the oldest reply that is kept; if none is, of the next
	next     uint64   // number of the next reply
	bytes    int      // of all that are kept
	segments [][]byte // whole frames: many small ones, or one large one
	head     int      // bytes of segments[0] that are not kept any more
	spare    []byte   // an empty segment
}

// segmentSize is what small frames fill before another segment is begun.
const segmentSize = 16 << 10

func newReplyLog(limit int) *replyLog { return &replyLog{limit: limit, first: 1, next: 1} }

// add keeps one frame. It reports whether it kept the memory itself, which it
// does with large ones.
func (l *replyLog) add(frame []byte) (kept bool) {
	for l.bytes > l.limit {
		l.drop()
	}
	last := len(l.segments) - 1
	switch {
	case len(frame) > keepBuffer:
		l.segments = append(l.segments, frame)
		kept = true
	case last >= 0 && len(l.segments[last])+len(frame) <= segmentSize:
		l.segments[last] = append(l.segments[last], frame...)
	default:
		l.segments = append(l.segments, append(l.spare, frame...))
		l.spare = nil
	}
	l.bytes += len(frame)
	l.next++
	return kept
}

// ack forgets the first n replies of the session.
func (l *replyLog) ack(n uint64) error {
	if n >= l.next {
		return fmt.Errorf("%w: %d replies acknowledged, %d were sent", errMalformed, n, l.next-1)
	}
	for l.first <= n {
		l.drop()
	}
	return nil
}

// drop forgets the oldest reply.
func (l *replyLog) drop() {
	n := frameSize(l.segments[0][l.head:])
	l.head += n
	l.bytes -= n
	l.first++
	if l.head < len(l.segments[0]) {
		return
	}
	if cap(l.segments[0]) <= keepBuffer {
		l.spare = l.segments[0][:0]
	}
	l.head = 0
	if l.segments[0] = nil; len(l.segments) == 1 {
		l.segments = l.segments[:0] // and use it again
	} else {
		l.segments = l.segments[1:]
	}
}

// replay forgets the first n replies, marks the others as sent before and
// returns them. It reports false if some of them are not there any more.
// Nobody else may be using the frames.
func (l *replyLog) replay(n uint64) (frames [][]byte, ok bool) {
	if n+1 < l.first || l.ack(n) != nil {
		return nil, false
	}
	for i, segment := range l.segments {
		if i == 0 {
			segment = segment[l.head:]
		}
		frames = append(frames, segment)
		for len(segment) > 0 {
			markDuplicate(segment)
			segment = segment[frameSize(segment):]
		}
	}
	return frames, true
}

// frameSize is the size of the frame at the beginning of b, head included.
func frameSize(b []byte) int { return frameHead + int(binary.BigEndian.Uint32(b)) }

// markDuplicate sets the flag in a frame that appendReply or appendError made.
func markDuplicate(frame []byte) {
	const id = frameHead + 1 // after the head of an array of three
	h, _ := readHead(frame[id:])
	frame[id+h.size] |= flagDuplicate
}
