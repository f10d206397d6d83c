package shm

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/internal/naming"
	"github.com/carom-ipc/carom/internal/signature"
)

// A Spec is what a constructor wants to be there.
type Spec struct {
	Name      string // "" for a generated one
	Kind      Kind
	Type      string // signature of the element type; "" where the kind has none
	Param     uint64
	Flags     uint16
	Payload   uint64                                  // bytes of the object's own memory
	Init      func(payload []byte)                    // fills the zeroed payload before anybody sees it
	Exclusive bool                                    // ErrExists instead of attaching
	OpenOnly  bool                                    // ErrNotFound instead of creating; Type "" and Any take what is there
	Any       bool                                    // with OpenOnly: Param and Flags are not compared
	Describe  func(param uint64, flags uint32) string // for ErrType: the limits in words
}

// An Object is the attachment of a process, or of a guest, to an entry, shared by its handles.
type Object struct {
	Ref
	Name string
	Type string

	arena     *Arena
	handles   *Handle     // guarded by arena.mu: a list, most often of one
	bare      atomic.Bool // has places that are used without Enter
	permits   []uint32    // guarded by the semaphore's list
	permitsMu sync.Mutex
	claims    atomic.Int64 // items of a confirmed queue that this process holds
	spare     *spares      // a queue's

	resting       bool    // guarded by arena.mu, and what follows: it is in quarantine
	due           int64   // when to detach it, on clock; 0 at once
	bytes         uint64  // that count there
	before, after *Object // there
	//lint:ignore U1000 only race builds use it
	shadow shadow
}

func (o *Object) claimed(c Claim) {
	if c != 0 {
		o.claims.Add(1)
	}
}

// Arena is where the object lives.
func (o *Object) Arena() *Arena { return o.arena }

// Open makes sure that the object exists and attaches it. created says that this
// call made it. Errors: ErrNotFound, ErrExists, ErrType, ErrName, ErrNoMemory,
// ErrTooLarge, ErrClosed, the context's.
func (a *Arena) Open(ctx context.Context, s Spec) (h *Handle, created bool, err error) {
	switch {
	case s.Name == "" && s.OpenOnly:
		return nil, false, fmt.Errorf("an empty name: %w", errs.ErrNotFound)
	case s.Name == "":
		s.Name = naming.Random(s.Kind.String())
	}
	if err := naming.Check(s.Name); err != nil {
		return nil, false, err
	}
	if err := a.begin(); err != nil {
		return nil, false, err
	}
	defer a.done()
	if err := a.lock(ctx); err != nil {
		return nil, false, err
	}
	defer a.unlock()
	hash := nameHash(s.Name)
	i, found := a.find(s.Name, hash)
	switch {
	case found && s.Exclusive:
		return nil, false, errs.ErrExists
	case found:
		if err = a.compare(i, &s); err == nil {
			err = a.sound(i, &s)
		}
	case s.OpenOnly:
		err = errs.ErrNotFound
	default:
		i, err = a.create(&s, hash)
	}
	if err != nil {
		return nil, false, err
	}
	h, err = a.attach(i, s.Name)
	return h, !found, err
}

// attach gives this process its part in entry i, and a handle its part in that. ErrClosed: the
// arena is being closed; what was just created stays, as if it had been closed in between.
// Precondition: the arena's lock is held.
func (a *Arena) attach(i uint32, name string) (*Handle, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, errs.ErrClosed
	}
	o := a.objects[i]
	if o != nil {
		a.quarantine.remove(o)
		h := &Handle{Object: o}
		o.add(h)
		return h, nil
	}
	// Most objects have one handle: both are one allocation.
	both := &struct {
		o Object
		h Handle
	}{o: Object{Ref: a.ref(i), Name: name, Type: a.typeText(a.entry(i).typ), arena: a}}
	o, both.h.Object = &both.o, &both.o
	if o.Kind == Queue || o.Kind == ByteQueue {
		o.spare = new(spares)
	}
	r := a.record(a.self.Slot())
	atom.Put32(&r.attached, max(r.attached, i+1))
	atom.Or64(a.attachment(a.self.Slot(), i), 1<<(i%64))
	a.objects[i], a.used = o, true
	o.add(&both.h)
	return &both.h, nil
}

// compare says how what is there differs from what is wanted.
func (a *Arena) compare(i uint32, s *Spec) error {
	e := a.entry(i)
	typ := a.typeText(e.typ)
	if e.kind() != s.Kind {
		return fmt.Errorf("there is %s, wanted %s: %w", describe(e.kind(), typ), describe(s.Kind, s.Type), errs.ErrType)
	}
	if err := signature.Compatible(typ, s.Type); err != nil && !(s.Any && s.Type == "") {
		return fmt.Errorf("there is %s, wanted %s: %w%s", describe(e.kind(), typ), describe(s.Kind, s.Type), errs.ErrType, signature.Detail(err))
	}
	if !s.Any && (e.param != s.Param || e.flags() != uint32(s.Flags)) {
		is, want := fmt.Sprint(e.param), fmt.Sprint(s.Param)
		if s.Describe != nil {
			is, want = s.Describe(e.param, e.flags()), s.Describe(s.Param, uint32(s.Flags))
		}
		return fmt.Errorf("there is %s with %s, wanted %s: %w", describe(e.kind(), typ), is, want, errs.ErrType)
	}
	return nil
}

func describe(k Kind, typ string) string {
	if typ == "" {
		return k.String()
	}
	return k.String() + "[" + typ + "]"
}

// create makes the object. Everything is written before the entry's state says that
// it is there; the block bears this process's name until then.
func (a *Arena) create(s *Spec, hash uint32) (uint32, error) {
	typ, err := a.typeIndex(s.Type)
	if err != nil {
		return 0, err
	}
	i, err := a.newEntry()
	if err != nil {
		return 0, err
	}
	flights := &a.record(a.self.Slot()).inFlight
	atom.Add32(flights, 1)
	defer a.landed()
	size := blockHeadSize + s.Payload + uint64(len(s.Name))
	off, err := a.alloc(size, uint32(a.self))
	if err != nil {
		return 0, err
	}
	b := at[blockHead](a, off)
	atom.Put64(&b.serial, a.nextSerial())
	atom.Put64(&b.sizes, sizesOf(uint64(len(s.Name)), s.Payload))
	payload := a.bytes(off+blockHeadSize, s.Payload)
	atom.Clear(payload)
	if s.Init != nil {
		s.Init(payload)
	}
	atom.Copy(a.bytes(off+blockHeadSize+s.Payload, uint64(len(s.Name))), []byte(s.Name))
	e := a.entry(i)
	atom.Put32(&e.hash, hash)
	atom.Put32(&e.typ, typ)
	atom.Put32(&e.block, uint32((off-heapAt)/64))
	atom.Put64(&e.param, s.Param)
	owner := uint32(0)
	if s.Kind.goesWithMaker() {
		owner = uint32(a.self)
	}
	atom.Put32(&e.owner, owner)
	if w := a.owner(off); w != nil {
		atom.Store32(w, ownedBy(i))
	}
	a.publish(i, entryLive|uint32(s.Kind)<<8|uint32(s.Flags)<<16)
	return i, nil
}

// Remove takes the name away at once. The memory is freed when no live process has
// the object attached. Errors: ErrNotFound.
func (a *Arena) Remove(ctx context.Context, name string) error {
	return a.remove(ctx, name, 0, false)
}

// RemoveMapped is Remove of what lives in the arena: ErrNotLocal for what a coordinator has,
// which removes that itself.
func (a *Arena) RemoveMapped(ctx context.Context, name string) error {
	return a.remove(ctx, name, 0, true)
}

// remove takes the name away from the object with that serial, from any if it is 0, or from
// any that is mapped. Of a coordinator's object the entry is all that there is, and goes with
// the name.
func (a *Arena) remove(ctx context.Context, name string, serial uint64, mapped bool) error {
	if err := a.begin(); err != nil {
		return err
	}
	defer a.done()
	if err := a.lock(ctx); err != nil {
		return err
	}
	defer a.unlock()
	i, ok := a.find(name, nameHash(name))
	switch {
	case !ok || serial != 0 && a.ref(i).Serial != serial:
		return errs.ErrNotFound
	case mapped && a.entry(i).kind().InCoordinator():
		return errs.ErrNotLocal
	}
	a.unlink(i)
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.objects[i]
	if o == nil || serial == 0 || !o.Kind.InCoordinator() {
		a.reap(i)
		return nil
	}
	for h := o.handles; h != nil; h = o.handles {
		h.shut()
		h.ended = true
		o.drop(h)
	}
	a.detach(o)
	return nil
}

// Info describes an object.
type Info struct {
	Name     string
	Index    uint32
	Serial   uint64
	Kind     Kind
	Type     string
	Size     int64 // bytes of arena
	Param    uint64
	Flags    uint32
	Attached int // processes
}

// List calls f with each object until it returns false. What is created or removed
// meanwhile may or may not be among them.
func (a *Arena) List(ctx context.Context, f func(Info) bool) error {
	for from := uint32(0); ; from += listBatch {
		infos, more, err := a.listFrom(ctx, from)
		if err != nil {
			return err
		}
		for _, info := range infos {
			if !f(info) {
				return nil
			}
		}
		if !more {
			return nil
		}
	}
}

// listBatch is how many entries are looked at under one acquisition of the arena's lock.
const listBatch = 64

func (a *Arena) listFrom(ctx context.Context, from uint32) (infos []Info, more bool, err error) {
	if ctx.Err() != nil {
		return nil, false, ctx.Err()
	}
	if err := a.begin(); err != nil {
		return nil, false, err
	}
	defer a.done()
	if err := a.lock(ctx); err != nil {
		return nil, false, err
	}
	defer a.unlock()
	top := a.head().entryTop
	for i := from; i < min(from+listBatch, top); i++ {
		if e := a.entry(i); e.isLive() {
			infos = append(infos, Info{Name: string(a.nameOf(e)), Index: i, Serial: a.ref(i).Serial, Kind: e.kind(), Type: a.typeText(e.typ),
				Size: a.sizeOf(i), Param: e.param, Flags: e.flags(), Attached: a.attachedTo(i)})
		}
	}
	return infos, from+listBatch < top, nil
}

func (a *Arena) sizeOf(i uint32) int64 {
	n := a.blockSize(a.entry(i).place()) + entrySize
	if extra := kinds[a.entry(i).kind()].Extra; extra != nil && a.intact(i) {
		n += extra(a, a.ref(i))
	}
	return int64(n)
}
