package coord

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
)

// objectCost is charged for each object, beside what it holds.
const objectCost = 512

// object is an object of the coordinator's, or an opening of one that lives elsewhere.
type object struct {
	identity        Identity
	name, kind, typ string
	cost            int64 // charged for it, beside what it holds
	transient       bool  // goes, name and all, with its last reference

	ready chan struct{} // closed when obj or err is set
	obj   Object
	err   error

	details []byte // from an Opener

	// Guarded by registry.mu.
	refs    int  // of sessions, and of calls that are opening it
	removed bool // has no name any more, and goes with its last reference
	gone    bool // closed, or never made
}

// blocks reports whether a method must not run on a connection's reader.
func (o *object) blocks(method string) bool {
	b, ok := o.obj.(Blocker)
	return ok && b.Blocks(method)
}

// describe is an object in words, with an article.
func describe(kind, typ string) string {
	text := "a " + kind
	if strings.ContainsAny(kind[:min(1, len(kind))], "aeiouAEIOU") {
		text = "an " + kind
	}
	if typ != "" {
		text += " of type " + typ
	}
	return text
}

func (o *object) isReady() bool {
	select {
	case <-o.ready:
		return true
	default:
		return false
	}
}

// spent reports, once, that nothing keeps the object any more, and that the caller is to
// dispose of it. registry.mu is held.
func (o *object) spent() bool {
	if !o.removed || o.refs > 0 || o.gone {
		return false
	}
	o.gone = true
	return true
}

// registry has the coordinator's objects, by their identities: which of them a name
// stands for, the directory says. Handles count up from a random point of a large
// range, so that one which is older than the coordinator meets no object of it, let
// alone another one.
type registry struct {
	kinds   map[string]Kind
	openers map[string]Opener
	names   Names
	pay     *Budget

	retiring sync.WaitGroup // names that are dropped when their turn comes

	lastHandle atomic.Uint64

	mu    sync.Mutex
	named map[Identity]*object     // those that were not removed
	turns map[string]chan struct{} // names of which somebody has the turn; closed at its end
	stop  bool
}

func newRegistry(kinds map[string]Kind, openers map[string]Opener, names Names, pay *Budget) *registry {
	if names == nil {
		names = newDirectory()
	}
	var b [8]byte
	rand.Read(b[:])
	const start = 1<<62 - 1
	r := &registry{
		kinds: kinds, openers: openers, names: names, pay: pay,
		named: map[Identity]*object{}, turns: map[string]chan struct{}{},
	}
	r.lastHandle.Store(binary.BigEndian.Uint64(b[:]) & start)
	return r
}

// turn waits for the name's turn, which one goroutine has at a time. The directory's change
// to a name and the registry's to the object are one step to all others, because both are
// made in the same turn.
func (r *registry) turn(ctx context.Context, name string) (done func(), err error) {
	for {
		done, taken := r.tryTurn(name)
		if done != nil {
			return done, nil
		}
		select {
		case <-taken:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// tryTurn takes the turn if nobody has it; else taken is closed when it has ended.
func (r *registry) tryTurn(name string) (done func(), taken <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if taken, ok := r.turns[name]; ok {
		return nil, taken
	}
	mine := make(chan struct{})
	r.turns[name] = mine
	return func() {
		r.mu.Lock()
		delete(r.turns, name)
		r.mu.Unlock()
		close(mine)
	}, nil
}

// enter makes an object for an entry that was claimed, with a reference for the caller,
// who has the name's turn.
func (r *registry) enter(e Entry, name string, transient bool) (*object, error) {
	if e.ID == "" || len(e.ID) > MaxIdentity {
		r.names.Drop(name, e.ID)
		return nil, errLongIdentity(e.ID)
	}
	o := &object{identity: e.ID, name: name, kind: e.Kind, typ: e.Type, transient: transient,
		ready: make(chan struct{}), refs: 1, cost: int64(objectCost + len(name) + len(e.Type))}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.named[o.identity] = o
	return o, nil
}

// refer returns the object of that identity, if it has a name and ok (nil: any) accepts it, with a
// reference for the caller, who has the name's turn.
func (r *registry) refer(id Identity, ok func(*object) bool) *object {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.named[id]
	if o == nil || ok != nil && !ok(o) {
		return nil
	}
	o.refs++
	return o
}

// forget has the object be without a name. r.mu is held.
func (r *registry) forget(o *object) {
	o.removed = true
	delete(r.named, o.identity)
}

// unref gives a reference back. It may be called where nothing must wait.
func (r *registry) unref(o *object) {
	r.mu.Lock()
	o.refs--
	idle := o.idle()
	last := o.spent()
	r.mu.Unlock()
	switch {
	case last:
		r.dispose(o)
	case idle:
		if done, _ := r.tryTurn(o.name); done != nil {
			r.retire(o, done)
			return
		}
		r.retiring.Go(func() {
			done, _ := r.turn(context.Background(), o.name)
			r.retire(o, done)
		})
	}
}

// idle reports that the object's name is to go because nobody has it open. registry.mu is
// held.
func (o *object) idle() bool { return o.transient && !o.removed && o.refs == 0 }

// retire takes the name of an object away that was idle, unless it was opened again
// meanwhile. The caller has the name's turn, which done ends.
func (r *registry) retire(o *object, done func()) {
	r.mu.Lock()
	idle := o.idle() // and stays so: it can be referred to in this turn only
	r.mu.Unlock()
	if !idle {
		done()
		return
	}
	r.names.Drop(o.name, o.identity)
	r.mu.Lock()
	r.forget(o)
	last := o.spent()
	r.mu.Unlock()
	done()
	if last {
		r.dispose(o)
	}
}

func (r *registry) dispose(o *object) {
	o.obj.Close()
	r.pay.Free(o.cost)
}

func (r *registry) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.named)
}

// close disposes of everything. No session is left.
func (r *registry) close() {
	r.retiring.Wait()
	r.mu.Lock()
	r.stop = true
	var last []*object
	for _, o := range r.named {
		r.forget(o)
		if o.spent() {
			last = append(last, o)
		}
	}
	r.mu.Unlock()
	for _, o := range last {
		r.names.Drop(o.name, o.identity)
		r.dispose(o)
	}
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
