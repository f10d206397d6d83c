package shm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/naming"
)

// A Lane is one end of a byte stream in both directions between two processes: two
// rings in the arena, each with one writer and one reader, which never wait. A reader
// that is about to sleep says so in the ring, and is woken by other means: Write reports
// when that is due. So no thread sleeps for a lane, and none is needed when one dies: the
// means by which it would be woken tell the other end. A lane goes with both its ends.
//
// Layout of the payload, from the next multiple of 128 on; ring 0 leads from the maker.
//
//	offset    | width | field   | who writes         | meaning                     | writer dies
//	256*r     | 8     | tail    | the ring's writer  | bytes written so far        | bytes beyond it never were
//	+8        | 4     | asleep  | reader 1, writer 0 | the reader is to be woken   | nobody has to be woken
//	+128      | 8     | head    | the ring's reader  | bytes read so far           | nobody reads on
//	+136      | 4     | drained | both               | the writer sleeps on it     | its wake record
//	512       | 2 × laneData    | the rings' bytes
type Lane struct {
	o       *Handle
	d       *futex.Domain
	in, out laneRing
	made    bool // here: by the end that takes the name away

	readable, roomy func() bool
	shut            atomic.Bool
	users           atomic.Int64 // calls inside, and laneShut once it is shut
	gone            sync.Once
}

const (
	laneData     = 31 * kib
	laneControls = 512
	laneAlign    = 128
	lanePayload  = laneAlign + laneControls + 2*laneData

	laneChunks = 1 // that the payload takes, with the block's head and a generated name

	laneShut = 1 << 32
)

// laneRing is one ring as one end sees it.
type laneRing struct {
	tail, head *uint64
	asleep     *uint32
	drained    *futex.Notifier
	data       []byte
	mine       uint64 // the cursor that this end moves
	theirs     uint64 // the other's, when it was last looked at
}

// NewLane makes a lane, whose other end another process opens by its name. Errors: those
// of Open.
func (a *Arena) NewLane(ctx context.Context) (*Lane, error) {
	o, _, err := a.Open(ctx, Spec{Name: naming.Random("lane"), Kind: lane, Payload: lanePayload, Exclusive: true})
	if err != nil {
		return nil, err
	}
	l := newLane(o, 0)
	l.made = true
	return l, nil
}

// OpenLane opens the other end of a lane, and takes its name away: nobody else can.
func (a *Arena) OpenLane(ctx context.Context, name string) (*Lane, error) {
	o, _, err := a.Open(ctx, Spec{Name: name, Kind: lane, OpenOnly: true})
	if err != nil {
		return nil, err
	}
	if o.Size < lanePayload {
		err = fmt.Errorf("a lane of %d bytes: %w", o.Size, errs.ErrCorrupt)
	} else {
		err = a.Remove(ctx, name)
	}
	if err != nil {
		return nil, errors.Join(err, o.Close(ctx))
	}
	return newLane(o, 1), nil
}

func newLane(o *Handle, end int) *Lane {
	a, start := o.arena, roundUp(o.Off, laneAlign)
	l := &Lane{o: o, d: a.domain}
	rings := [2]*laneRing{&l.out, &l.in}
	if end == 1 {
		rings = [2]*laneRing{&l.in, &l.out}
	}
	for i, r := range rings {
		c := start + 256*uint64(i)
		*r = laneRing{tail: at[uint64](a, c), asleep: at[uint32](a, c+8), head: at[uint64](a, c+128),
			drained: at[futex.Notifier](a, c+136), data: a.bytes(start+laneControls+laneData*uint64(i), laneData)}
	}
	l.readable = func() bool { return atom.Load64(l.in.tail) != l.in.mine }
	l.roomy = func() bool { return l.out.room() > 0 || l.closed() }
	return l
}

// Name is what the other end opens.
func (l *Lane) Name() string { return l.o.Name }

// Read takes what is there, perhaps nothing. One goroutine at a time may read.
func (l *Lane) Read(b []byte) (int, error) {
	if !l.enter() {
		return 0, net.ErrClosed
	}
	defer l.leave()
	r := &l.in
	if r.theirs == r.mine {
		r.theirs = atom.Load64(r.tail)
	}
	have := r.theirs - r.mine
	if have > laneData {
		return 0, fmt.Errorf("a lane with %d bytes of %d in use: %w", have, laneData, errs.ErrCorrupt)
	}
	if have == 0 || len(b) == 0 {
		return 0, nil
	}
	b = b[:min(uint64(len(b)), have)]
	n := copy(b, r.data[r.mine%laneData:])
	n += copy(b[n:], r.data)
	r.mine += uint64(n)
	atom.Store64(r.head, r.mine)
	r.drained.Notify(l.d)
	return n, nil
}

// Write puts in what there is room for, perhaps nothing. wake says that the other end is
// to be woken. One goroutine at a time may write.
func (l *Lane) Write(b []byte) (n int, wake bool, err error) {
	if !l.enter() {
		return 0, false, net.ErrClosed
	}
	defer l.leave()
	r := &l.out
	room := laneData - (r.mine - r.theirs)
	if room < uint64(len(b)) {
		room = r.room()
	}
	if room > laneData {
		return 0, false, fmt.Errorf("a lane with room for %d bytes of %d: %w", room, laneData, errs.ErrCorrupt)
	}
	b = b[:min(uint64(len(b)), room)]
	if len(b) == 0 {
		return 0, false, nil
	}
	n = atom.Copy(r.data[r.mine%laneData:], b)
	if n < len(b) {
		n += atom.Copy(r.data, b[n:])
	}
	r.mine += uint64(n)
	atom.Store64(r.tail, r.mine) // a full barrier: the look at asleep comes after
	return n, atom.Load32(r.asleep) != 0 && atom.CAS32(r.asleep, 1, 0), nil
}

func (r *laneRing) room() uint64 {
	r.theirs = atom.Load64(r.head)
	return laneData - (r.mine - r.theirs)
}

// laneSpinners looks for bytes at a time, in all lanes of a process: more than there are
// CPUs would keep each other from what they look for.
var laneSpinners atomic.Int32

// Spin looks for something to read for a while, and reports whether there is.
func (l *Lane) Spin() bool {
	if !l.enter() {
		return false
	}
	defer l.leave()
	defer laneSpinners.Add(-1)
	if int(laneSpinners.Add(1)) > runtime.GOMAXPROCS(0) {
		return l.readable()
	}
	return l.d.SpinForAnswer(l.in.asleep, l.readable)
}

// Doze says that this end is about to sleep until it is woken. It reports false, and is
// not asleep, if there is something to read.
func (l *Lane) Doze() bool {
	if !l.enter() {
		return true // what wakes it has happened
	}
	defer l.leave()
	atom.Store32(l.in.asleep, 1) // a full barrier: the look at the tail comes after
	if l.readable() {
		atom.Store32(l.in.asleep, 0)
		return false
	}
	return true
}

// AwaitRoom returns when there is room to write, or with the context's error.
func (l *Lane) AwaitRoom(ctx context.Context) error {
	if !l.enter() {
		return net.ErrClosed
	}
	defer l.leave()
	return l.out.drained.Wait(ctx, l.d, l.roomy)
}

// Close ends this end's calls, and detaches when none is left inside. Closing it again
// does nothing.
func (l *Lane) Close() {
	if l.shut.Swap(true) {
		return
	}
	l.users.Add(laneShut + 1)
	l.out.drained.NotifyAll(l.d)
	l.leave()
}

func (l *Lane) closed() bool { return l.users.Load() >= laneShut }

func (l *Lane) enter() bool {
	if l.users.Add(1) < laneShut {
		return true
	}
	l.leave()
	return false
}

func (l *Lane) leave() {
	if l.users.Add(-1) == laneShut {
		l.gone.Do(l.detach)
	}
}

// lanePatience bounds the wait for the arena's lock at a lane's end. A holder that was stopped
// keeps the name from going then: it goes with this process, as its memory does.
const lanePatience = 100 * time.Millisecond

// detach lets the memory go: nobody is inside, and nobody comes in.
func (l *Lane) detach() {
	ctx, cancel := context.WithTimeout(context.Background(), lanePatience)
	defer cancel()
	if l.made {
		_ = l.o.arena.Remove(ctx, l.o.Name) // most often the other end has
	}
	_ = l.o.Close(ctx)
}
