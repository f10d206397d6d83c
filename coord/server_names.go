package coord

import "context"

// Identity tells an object from every other that its directory has or had, also
// from those that had the same name before. It is opaque; the directory makes it.
type Identity string

// MaxIdentity is the length of the longest Identity, in bytes.
const MaxIdentity = 64

// Entry is what a directory says of a name.
type Entry struct {
	ID   Identity
	Kind string
	Type string // signature of the element type; empty if unknown
}

// Names is the directory of names: it alone decides whether a name is taken, and
// by what. Programs that have objects outside of the coordinator, such as in
// memory that they share with it, implement it by the directory that they have, and so
// share one namespace with the coordinator's own objects.
//
// A directory promises:
//
//  1. Each method is one atomic step, in an order that all users of the
//     directory agree on. One that returns an error has changed nothing; it may
//     be that of its context.
//  2. An Identity is given once, also if the coordinator is started again with
//     the same epoch (Config.Epoch).
//  3. Names that were taken by Claim are given back by Remove and Drop only. The
//     other names come and go as their objects do.
//
// Methods are called concurrently and may wait for moments, but not for one another.
type Names interface {
	// Find says what has the name. ErrNotFound: nothing has.
	Find(ctx context.Context, name string) (Entry, error)

	// Claim says what has the name. If nothing has, it takes the name for a new
	// object of the coordinator's, which made reports; that the name is taken is no
	// error. typ is empty for objects without an element type.
	Claim(ctx context.Context, name, kind, typ string) (e Entry, made bool, err error)

	// Remove takes the name away from whatever object has it, and says what that
	// was. ErrNotFound: nothing has it.
	Remove(ctx context.Context, name string) (Entry, error)

	// Drop takes a claimed name away from the object id, and does nothing if that
	// one does not have it any more. It cannot fail: what cannot be done within moments
	// is done later.
	Drop(name string, id Identity)

	// List describes the objects that have names, in any order. Of the
	// coordinator's own it says Name, ID, Kind and Type.
	List(ctx context.Context) ([]Info, error)
}
