package coord

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/carom-ipc/carom/internal/errs"
)

// maxName bounds the name of an object, in bytes.
const maxName = 1024

// objectCost is charged for each object, beside what it holds.
const objectCost = 512

// object is an entry of the registry.
type object struct {
	id              uint64
	name, kind, typ string
	cost            int64 // charged for it, beside what it holds

	ready chan struct{} // closed when obj or err is set
	obj   Object
	err   error

	details []byte // from an Opener

	refs      int  // of sessions, and of calls that are opening it
	removed   bool // has no name any more, and goes with its last reference
	transient bool // goes, name and all, with its last reference
}

// blocks reports whether a method must not run on a connection's reader.
func (o *object) blocks(method string) bool {
	b, ok := o.obj.(Blocker)
	return ok && b.Blocks(method)
}

func (o *object) describe() string { return describe(o.kind, o.typ) }

func describe(kind, typ string) string {
	if typ == "" {
		return kind
	}
	return kind + " of type " + typ
}

// registry is the coordinator's directory of objects. Ids count up from a
// random point of a large range, so that a handle which is older than the
// coordinator meets no object of it, let alone another one.
type registry struct {
	kinds   map[string]Kind
	openers map[string]Opener
	names   Names
	pay     *Budget

	mu     sync.Mutex
	byName map[string]*object
	lastID uint64
	stop   bool
}

func newRegistry(kinds map[string]Kind, openers map[string]Opener, names Names, pay *Budget) *registry {
	var b [8]byte
	rand.Read(b[:])
	const start = 1<<62 - 1
	return &registry{
		kinds: kinds, openers: openers, names: names, pay: pay,
		byName: map[string]*object{}, lastID: binary.BigEndian.Uint64(b[:]) & start,
	}
}

// open returns the object called name, on which the caller gets a reference.
func (r *registry) open(ctx context.Context, sess *Session, kind, name, typ string, params []byte, mode Mode) (*object, bool, error) {
	if op := r.openers[kind]; op != nil {
		return r.openElsewhere(ctx, sess, op, kind, name, typ, params, mode)
	}
	if err := checkName(name); err != nil {
		return nil, false, err
	}
	r.mu.Lock()
	if o := r.byName[name]; o != nil {
		o.refs++
		r.mu.Unlock()
		err := o.await(ctx, kind)
		if err == nil {
			err = o.attachable(kind, typ, mode)
		}
		if err == nil {
			return o, false, nil
		}
		r.unref(o)
		if isContextError(err) && ctx.Err() == nil { // it was being made by a client that left
			return r.open(ctx, sess, kind, name, typ, params, mode)
		}
		return nil, false, err
	}
	k, known := r.kinds[kind]
	var err error
	switch {
	case r.stop:
		err = errShutdown
	case mode == Attach:
		r.mu.Unlock()
		return nil, false, r.absent(ctx, name, kind, typ)
	case !known:
		err = fmt.Errorf("%w: the coordinator does not know the type %q; it must be a program that registers it: one that calls carom.Start itself, that Options.Command names, or that calls carom.Serve",
			errs.ErrNotFound, kind)
	}
	if err != nil {
		r.mu.Unlock()
		return nil, false, err
	}
	r.lastID++
	o := &object{id: r.lastID, name: name, kind: kind, typ: typ, ready: make(chan struct{}), refs: 1}
	r.byName[name] = o
	r.mu.Unlock()

	// Without the lock: a kind may take its time, and whoever opens the same
	// name meanwhile waits for ready.
	o.obj, o.err = r.make(ctx, sess, k, o, params)
	if o.err != nil {
		r.mu.Lock()
		delete(r.byName, name)
		r.mu.Unlock()
	}
	close(o.ready)
	return o, true, o.err
}

func checkName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it is empty", errs.ErrName)
	case !utf8.ValidString(name):
		return fmt.Errorf("%w: it is not UTF-8", errs.ErrName)
	case len(name) > maxName:
		return fmt.Errorf("%w: a name of %d bytes, the limit is %d", errs.ErrTooLarge, len(name), maxName)
	}
	return nil
}

// absent is the error for an object that the coordinator does not have.
func (r *registry) absent(ctx context.Context, name, kind, typ string) error {
	if r.names != nil {
		if k, t, err := r.names.Find(ctx, name); err == nil {
			return fmt.Errorf("%w: %q is a %s, not a %s", errs.ErrType, name, describe(k, t), describe(kind, typ))
		}
	}
	return fmt.Errorf("%w: no object is called %q", errs.ErrNotFound, name)
}

// mayWait reports whether opening an object of the kind may take its time.
func (r *registry) mayWait(kind string) bool {
	if r.openers[kind] != nil {
		return true
	}
	b, ok := r.kinds[kind].(Blocker)
	return ok && b.Blocks("new")
}

// openElsewhere has an Opener open what lives beyond the coordinator.
func (r *registry) openElsewhere(ctx context.Context, sess *Session, op Opener, kind, name, typ string, params []byte, mode Mode) (o *object, created bool, err error) {
	if err := checkName(name); err != nil {
		return nil, false, err
	}
	if err := r.pay.Reserve(objectCost); err != nil {
		return nil, false, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = sess.srv.panicked(kind, "open", p)
		}
		if err != nil {
			r.pay.Free(objectCost)
		}
	}()
	opened, err := op.Open(ctx, sess, name, typ, params, mode)
	if err != nil {
		return nil, false, err
	}
	o = &object{name: name, kind: kind, typ: opened.Type, ready: make(chan struct{}), obj: opened.Object,
		details: opened.Details, refs: 1, removed: true, cost: objectCost}
	close(o.ready)
	r.mu.Lock()
	r.lastID++
	o.id = r.lastID
	r.mu.Unlock()
	return o, opened.Created, nil
}

// adopt enters obj under a name of its own, which goes with the last reference. The caller
// gets one.
func (r *registry) adopt(kind, typ string, obj Object) (*object, error) {
	var b [8]byte
	rand.Read(b[:])
	o := &object{name: strings.ToLower(kind) + "-" + hex.EncodeToString(b[:]), kind: kind, typ: typ, ready: make(chan struct{}), obj: obj, refs: 1, transient: true}
	o.cost = int64(objectCost + len(o.name) + len(typ))
	if err := r.pay.Reserve(o.cost); err != nil {
		return nil, err
	}
	if r.names != nil {
		if err := r.names.Claim(o.name, kind, typ); err != nil {
			r.pay.Free(o.cost)
			return nil, err
		}
	}
	close(o.ready)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lastID++
	o.id = r.lastID
	r.byName[o.name] = o
	return o, nil
}

// share returns an object that is there, on which the caller gets a reference.
func (r *registry) share(kind, name string) (*object, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.byName[name]
	if o == nil || o.kind != kind || !o.isReady() || o.err != nil {
		return nil, fmt.Errorf("%w: no %s is called %q", errs.ErrNotFound, kind, name)
	}
	o.refs++
	return o, nil
}

// await waits until somebody has made the object. One of another kind than the
// wanted one is of no use, however it turns out.
func (o *object) await(ctx context.Context, kind string) error {
	if o.kind != kind {
		return nil
	}
	select {
	case <-o.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// attachable compares an object with what somebody wants to open, after await.
func (o *object) attachable(kind, typ string, mode Mode) error {
	switch {
	case o.kind == kind && o.err != nil:
		return o.err
	case mode == Exclusive:
		return fmt.Errorf("%w: %q is a %s", errs.ErrExists, o.name, o.describe())
	case o.kind != kind, o.typ != typ && o.typ != "" && typ != "":
		return fmt.Errorf("%w: %q is a %s, not a %s", errs.ErrType, o.name, o.describe(), describe(kind, typ))
	}
	return nil
}

// make creates what o stands for, or nothing at all.
func (r *registry) make(ctx context.Context, sess *Session, k Kind, o *object, params []byte) (obj Object, err error) {
	o.cost = int64(objectCost + len(o.name) + len(o.typ))
	if err := r.pay.Reserve(o.cost); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = sess.srv.panicked(o.kind, "new", p)
		}
		if err != nil {
			r.pay.Free(o.cost)
		}
	}()
	if r.names != nil {
		if err := r.names.Claim(o.name, o.kind, o.typ); err != nil {
			return nil, err
		}
		defer func() {
			if obj == nil {
				r.names.Release(o.name)
			}
		}()
	}
	return k.New(ctx, sess, o.name, o.typ, params)
}

// remove takes an object's name away.
func (r *registry) remove(ctx context.Context, name string) error {
	r.mu.Lock()
	o := r.byName[name]
	if o == nil && r.names != nil {
		r.mu.Unlock()
		return r.names.Remove(ctx, name)
	}
	if o == nil || !o.isReady() {
		r.mu.Unlock()
		return fmt.Errorf("%w: no object is called %q", errs.ErrNotFound, name)
	}
	delete(r.byName, name)
	o.removed = true
	last := o.refs == 0
	r.mu.Unlock()
	if r.names != nil {
		r.names.Release(name)
	}
	if last {
		r.dispose(o)
	}
	return nil
}

// unref gives a reference back.
func (r *registry) unref(o *object) {
	r.mu.Lock()
	o.refs--
	last := o.refs == 0 && (o.removed || o.transient)
	named := last && !o.removed
	if named {
		delete(r.byName, o.name)
		o.removed = true
	}
	r.mu.Unlock()
	if named && r.names != nil {
		r.names.Release(o.name)
	}
	if last {
		r.dispose(o)
	}
}

func (r *registry) dispose(o *object) {
	o.obj.Close()
	r.pay.Free(o.cost)
}

func (o *object) isReady() bool {
	select {
	case <-o.ready:
		return true
	default:
		return false
	}
}

// list describes all objects, in the order of their names.
func (r *registry) list(ctx context.Context) ([]Info, error) {
	r.mu.Lock()
	objects := make([]*object, 0, len(r.byName))
	infos := make([]Info, 0, len(r.byName))
	for _, o := range r.byName {
		if o.isReady() && o.err == nil {
			objects = append(objects, o)
			infos = append(infos, Info{Name: o.name, Kind: o.kind, Type: o.typ, Sessions: o.refs})
		}
	}
	r.mu.Unlock()
	for i, o := range objects { // an object may take a lock of its own
		if s, ok := o.obj.(Sizer); ok {
			infos[i].Len, infos[i].Size = s.Len(), s.Size()
		}
	}
	if r.names != nil {
		others, err := r.names.List(ctx)
		if err != nil {
			return nil, err
		}
		infos = append(infos, others...)
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

func (r *registry) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.byName)
}

// close disposes of everything. No session is left.
func (r *registry) close() {
	r.mu.Lock()
	r.stop = true
	objects := r.byName
	r.byName = map[string]*object{}
	r.mu.Unlock()
	for _, o := range objects {
		if r.names != nil {
			r.names.Release(o.name)
		}
		r.dispose(o)
	}
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
