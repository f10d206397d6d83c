package shm

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// MaxName is the longest name, in bytes.
const MaxName = 1024

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

// An Object is this process's attachment to an entry, shared by its handles.
type Object struct {
	Ref
	Name string
	Type string

	arena     *Arena
	handles   int // guarded by arena.mu
	detached  atomic.Bool
	first     Binding // guarded by arena.mu: the handles, most often one
	others    []Binding
	permits   []uint32 // guarded by the semaphore's list
	permitsMu sync.Mutex
	claims    atomic.Int64 // items of a confirmed queue that this process holds
	spare     *spares      // a queue's
	//lint:ignore U1000 only race builds use it
	shadow shadow
}

func (o *Object) claimed(c Claim) {
	if c != 0 {
		o.claims.Add(1)
	}
}

// A Binding is a handle that keeps pointers into the arena.
type Binding interface{ Unbind() }

// Bind has b.Unbind called before the arena is unmapped. If that is under way, it is
// called now.
func (o *Object) Bind(b Binding) {
	o.arena.mu.Lock()
	closed := o.arena.closed
	if o.first == nil {
		o.first = b
	} else {
		o.others = append(o.others, b)
	}
	o.arena.mu.Unlock()
	if closed {
		b.Unbind()
	}
}

// Unbind forgets b.
func (o *Object) Unbind(b Binding) {
	o.arena.mu.Lock()
	defer o.arena.mu.Unlock()
	if o.first == b {
		o.first = nil
	} else if i := slices.Index(o.others, b); i >= 0 {
		o.others = slices.Delete(o.others, i, i+1)
	}
}

func (o *Object) unbindAll() {
	if o.first != nil {
		o.first.Unbind()
	}
	for _, b := range o.others {
		b.Unbind()
	}
}

// Arena is where the object lives.
func (o *Object) Arena() *Arena { return o.arena }

// Detached reports that the last handle or the arena was closed.
func (o *Object) Detached() bool { return o.detached.Load() }

// CheckName says why a name cannot be: ErrName if it is not UTF-8, ErrTooLarge if it
// is longer than MaxName.
func CheckName(name string) error {
	if len(name) > MaxName {
		return fmt.Errorf("a name of %d bytes, the longest has %d: %w", len(name), MaxName, errs.ErrTooLarge)
	}
	if !utf8.ValidString(name) {
		return fmt.Errorf("%q is not UTF-8: %w", name, errs.ErrName)
	}
	return nil
}

// RandomName makes a name that nobody else has.
func RandomName(kind string) string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return strings.ToLower(kind) + "-" + hex.EncodeToString(b[:])
}

// Open makes sure that the object exists and attaches it. created says that this
// call made it. Errors: ErrNotFound, ErrExists, ErrType, ErrName, ErrNoMemory,
// ErrTooLarge, ErrClosed, the context's.
func (a *Arena) Open(ctx context.Context, s Spec) (o *Object, created bool, err error) {
	if err := CheckName(s.Name); err != nil {
		return nil, false, err
	}
	if s.Name == "" {
		if s.OpenOnly {
			return nil, false, fmt.Errorf("an empty name: %w", errs.ErrNotFound)
		}
		s.Name = RandomName(s.Kind.String())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, false, errs.ErrClosed
	}
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
	return a.attach(i, s.Name), !found, nil
}

// attach gives this process its part in entry i. Precondition: both locks are held.
func (a *Arena) attach(i uint32, name string) *Object {
	o := a.objects[i]
	if o == nil {
		o = &Object{Ref: a.ref(i), Name: name, Type: a.typeText(a.entry(i).typ), arena: a}
		if o.Kind == Queue || o.Kind == ByteQueue {
			o.spare = new(spares)
		}
		r := a.record(a.self.Slot())
		atom.Put32(&r.attached, max(r.attached, i+1))
		atom.Or64(a.attachment(a.self.Slot(), i), 1<<(i%64))
		a.objects[i] = o
	}
	o.handles++
	return o
}

// compare says how what is there differs from what is wanted.
func (a *Arena) compare(i uint32, s *Spec) error {
	e := a.entry(i)
	typ := a.typeText(e.typ)
	if e.kind() != s.Kind {
		return fmt.Errorf("there is %s, wanted %s: %w", describe(e.kind(), typ), describe(s.Kind, s.Type), errs.ErrType)
	}
	if typ != s.Type && !(s.Any && s.Type == "") {
		return fmt.Errorf("there is %s, wanted %s: %w", describe(e.kind(), typ), describe(s.Kind, s.Type), errs.ErrType)
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

// Close gives back one handle's part; with the last, the process detaches, unless it holds
// permits: those are the process's, and its sweep finds them by what it has attached.
func (o *Object) Close() error {
	a := o.arena
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || o.handles == 0 {
		return errs.ErrClosed
	}
	if o.handles--; o.handles > 0 || o.holdsPermits() {
		return nil
	}
	if err := a.lock(context.Background()); err != nil {
		o.handles++
		return err
	}
	defer a.unlock()
	o.detached.Store(true)
	a.freeSpares(o)
	delete(a.objects, o.Index)
	atom.And64(a.attachment(a.self.Slot(), o.Index), ^uint64(1<<(o.Index%64)))
	a.reap(o.Index)
	return nil
}

// Remove takes the name away at once. The memory is freed when no live process has
// the object attached. Errors: ErrNotFound.
func (a *Arena) Remove(ctx context.Context, name string) error { return a.remove(ctx, name, 0) }

// remove takes the name away from the object with that serial, from any if it is 0.
func (a *Arena) remove(ctx context.Context, name string, serial uint64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return errs.ErrClosed
	}
	if err := a.lock(ctx); err != nil {
		return err
	}
	defer a.unlock()
	i, ok := a.find(name, nameHash(name))
	if !ok || serial != 0 && a.ref(i).Serial != serial {
		return errs.ErrNotFound
	}
	a.unlink(i)
	if o := a.objects[i]; o != nil && serial != 0 && o.Kind.InCoordinator() {
		o.detached.Store(true)
		a.freeSpares(o)
		o.handles = 0
		delete(a.objects, i)
		atom.And64(a.attachment(a.self.Slot(), i), ^uint64(1<<(i%64)))
	}
	a.reap(i)
	return nil
}

// NameAt is the name of the live entry at an index.
func (a *Arena) NameAt(ctx context.Context, i uint32) (string, error) {
	if err := a.lock(ctx); err != nil {
		return "", err
	}
	defer a.unlock()
	if i >= a.head().entryTop || !a.entry(i).isLive() {
		return "", errs.ErrNotFound
	}
	return string(a.nameOf(a.entry(i))), nil
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
	const batch = 256
	for from := uint32(0); ; from += batch {
		var infos []Info
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := a.lock(ctx); err != nil {
			return err
		}
		top := a.head().entryTop
		for i := from; i < min(from+batch, top); i++ {
			if e := a.entry(i); e.isLive() {
				infos = append(infos, Info{Name: string(a.nameOf(e)), Index: i, Serial: a.ref(i).Serial, Kind: e.kind(), Type: a.typeText(e.typ),
					Size: a.sizeOf(i), Param: e.param, Flags: e.flags(), Attached: a.attachedTo(i)})
			}
		}
		a.unlock()
		for _, info := range infos {
			if !f(info) {
				return nil
			}
		}
		if from+batch >= top {
			return nil
		}
	}
}

func (a *Arena) sizeOf(i uint32) int64 {
	n := a.blockSize(a.entry(i).place()) + entrySize
	if extra := kinds[a.entry(i).kind()].Extra; extra != nil && a.intact(i) {
		n += extra(a, a.ref(i))
	}
	return int64(n)
}
