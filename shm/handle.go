package shm

import (
	"context"
	"sync/atomic"

	"github.com/carom-ipc/carom/futex"
	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// A Handle is one user's part in an attachment: its own way of waiting, and the count of
// the calls inside it. It is safe for concurrent use.
//
// Whoever makes more than one access to the object's memory calls Enter before and Leave
// after: the memory stays until the last has left. A single access needs neither, since the
// memory of an object that has such accesses is kept for a while; see quarantine.go.
//
//	token | 1 for a call inside, if calls has not counted it: Enter and Leave of one that
//	      | is alone cost one locked instruction together
//	calls | bits 0–30 the other calls inside; 31 Close was called
//
// Which of the calls inside has the token does not matter: a call that leaves takes one off
// calls, or the token if calls is 0. Two never take the token together, as one that finds 0
// in calls is the only one inside that has not yet decided.
type Handle struct {
	*Object
	token  uint32
	calls  uint32
	domain atomic.Pointer[futex.Domain] // nil until somebody waits

	lost, last func()
	bound      atomic.Bool // lost and last are set
	ended      bool        // guarded by arena.mu: the last call has left
	prev, next *Handle     // likewise: the object's
}

const closing = 1 << 31

// Enter begins a counted call. It reports false once Close has begun, or the arena's; the
// call must not be made then.
func (h *Handle) Enter() bool {
	if !atomic.CompareAndSwapUint32(&h.token, 0, 1) {
		return h.enterSlow()
	}
	if atom.Load32(&h.calls)&closing != 0 {
		h.leaveClosed(false)
		return false
	}
	return true
}

func (h *Handle) enterSlow() bool {
	for {
		n := atom.Load32(&h.calls)
		if n&closing != 0 {
			return false
		}
		if atomic.CompareAndSwapUint32(&h.calls, n, n+1) {
			return true
		}
	}
}

// Leave ends a counted call. After Close, the last to leave runs what Bind was given for
// that, and detaches.
func (h *Handle) Leave() {
	if n := atom.Load32(&h.calls); n != 0 {
		h.leaveSlow(n)
		return
	}
	// On amd64 this may be seen after the load below was done. Close, which may have set its
	// bit between the two, makes sure that it is seen: see settle.
	release(&h.token)
	if atom.Load32(&h.calls)&closing != 0 {
		h.leaveClosed(true)
	}
}

func (h *Handle) leaveSlow(n uint32) {
	for ; n&closing == 0; n = atom.Load32(&h.calls) {
		if n == 0 {
			h.Leave()
			return
		}
		if atomic.CompareAndSwapUint32(&h.calls, n, n-1) {
			return
		}
	}
	h.leaveClosed(false)
}

// leaveClosed leaves a handle that is closed; left says that the call has given its part
// back already.
func (h *Handle) leaveClosed(left bool) {
	if !left && !h.takeOff() {
		release(&h.token)
	}
	if h.isOver() {
		ctx, cancel := patient()
		defer cancel()
		h.finish(ctx)
	}
}

// takeOff takes one off calls. It reports false if the token is what is left.
func (h *Handle) takeOff() bool {
	for {
		n := atom.Load32(&h.calls)
		if n&^closing == 0 {
			return false
		}
		if atomic.CompareAndSwapUint32(&h.calls, n, n-1) {
			return true
		}
	}
}

// isOver reports that nobody is inside a handle that is closed. Whoever enters meanwhile
// finds it closed and touches nothing. The addition is a full barrier: of two that leave at
// once, one sees that both have.
func (h *Handle) isOver() bool {
	return atomic.AddUint32(&h.calls, 0)&^closing == 0 && atom.Load32(&h.token) == 0
}

// Closed reports that Close was called, or that the arena was closed.
func (h *Handle) Closed() bool { return atom.Load32(&h.calls)&closing != 0 }

// Domain is the way of waiting of this handle's calls: Close ends its waits with ErrClosed.
func (h *Handle) Domain() *futex.Domain {
	if d := h.domain.Load(); d != nil {
		return d
	}
	d := h.arena.domain.Visit()
	if !h.domain.CompareAndSwap(nil, d) {
		return h.domain.Load()
	}
	if h.Closed() {
		d.Close()
	}
	return d
}

// lock acquires a lock that is held for moments, at the beginning of a call: Close ends the
// wait for it.
func (h *Handle) lock(ctx context.Context, m *futex.Mutex, mode futex.Mode) (recovered bool, err error) {
	if m.TryOwn(h.arena.domain) {
		return false, nil
	}
	return m.Lock(ctx, h.Domain(), mode)
}

// Bind says what is to be done when the handle is closed. lost (may be nil) takes fast
// paths' pointers away: it is called once, by Close or by the arena's Close, before waits are
// ended. last (may be nil) is called once when Close was called and no counted call is inside
// any more, before the process detaches, and may use the object; it is not called when the
// arena is closed, whose sweep does what is to be done. Bind must be called once, before the
// handle is used by others. If the arena is closed meanwhile, lost is called now.
func (h *Handle) Bind(lost, last func()) {
	h.lost, h.last = lost, last
	h.bound.Store(true)
	if h.Closed() {
		h.lose()
	}
}

// lose calls lost, once.
func (h *Handle) lose() {
	if h.bound.CompareAndSwap(true, false) && h.lost != nil {
		h.lost()
	}
}

// shut sets the closing bit; false if it was set.
func (h *Handle) shut() bool {
	for {
		n := atom.Load32(&h.calls)
		if n&closing != 0 {
			return false
		}
		if atomic.CompareAndSwapUint32(&h.calls, n, n|closing) {
			return true
		}
	}
}

// Again makes one more handle on the same object. ErrClosed: this one is closed.
func (h *Handle) Again() (*Handle, error) {
	a := h.arena
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || h.ended || h.Closed() {
		return nil, errs.ErrClosed
	}
	more := &Handle{Object: h.Object}
	h.Object.add(more)
	return more, nil
}

// Close ends this handle's waits with ErrClosed and refuses further calls. When the last
// counted call has left, which Close does not wait for, it gives back the handle's part; with
// the object's last handle the process detaches, unless it holds permits: those are the
// process's, and its sweep finds them by what it has attached. ErrClosed: it was closed
// before, or the arena was. When ctx ends before all that is done, it is finished later,
// and Close returns nil.
func (h *Handle) Close(ctx context.Context) error {
	if !h.shut() {
		return errs.ErrClosed
	}
	h.lose()
	if d := h.domain.Load(); d != nil {
		d.Close()
	}
	h.settle()
	if h.isOver() {
		h.finish(ctx)
	}
	return nil
}

// finish is end that is not waited for longer than ctx lasts.
func (h *Handle) finish(ctx context.Context) {
	if h.last == nil || ctx.Done() == nil {
		h.end(ctx)
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.end(ctx)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// end gives the handle's part back, if nobody has begun to. Where the arena is being closed,
// its sweep does.
func (h *Handle) end(ctx context.Context) {
	a := h.arena
	a.mu.Lock()
	if a.closed || h.ended {
		a.mu.Unlock()
		return
	}
	h.ended = true
	if h.last != nil {
		a.mu.Unlock()
		if a.begin() != nil {
			return
		}
		defer a.done()
		h.last()
		a.mu.Lock()
	}
	due := a.letGo(h)
	a.mu.Unlock()
	if due && a.begin() == nil {
		a.detachDue(ctx)
		a.done()
	}
}

// add gives a handle its part. Precondition: arena.mu is held.
func (o *Object) add(h *Handle) {
	h.next = o.handles
	if h.next != nil {
		h.next.prev = h
	}
	o.handles = h
}

// drop takes its part away. Precondition: arena.mu is held.
func (o *Object) drop(h *Handle) {
	if h.next != nil {
		h.next.prev = h.prev
	}
	if h.prev != nil {
		h.prev.next = h.next
	} else {
		o.handles = h.next
	}
	h.prev, h.next = nil, nil
}
