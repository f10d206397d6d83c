package served

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// Names makes the arena's directory that of the coordinator which serves it: what lives in
// the coordinator has an entry there too, which names this process as its maker and so goes
// with it.
func Names(arena *shm.Arena) coord.Names { return &names{arena: arena} }

type names struct {
	arena *shm.Arena

	mu   sync.Mutex
	owed []claim // to be dropped, by a goroutine that there is while there are any
}

// claim is a name that an object of the coordinator's has.
type claim struct {
	name   string
	serial uint64
}

// dropPatience is how long Drop waits for the arena's lock, which is held for moments unless
// its holder was stopped.
const dropPatience = time.Second

// What an entry's kind says of objects in the coordinator. A registered type is Custom, and
// its name the entry's type.
var inCoordinator = map[string]shm.Kind{coord.KindDict: shm.Dict, coord.KindList: shm.List, coord.KindNamespace: shm.Namespace}

// kindOf is the coordinator's name for what the arena calls kind and typ.
func kindOf(kind shm.Kind, typ string) (string, string) {
	if kind == shm.Custom {
		return typ, ""
	}
	return strings.ToLower(kind.String()), typ
}

// identityOf is an entry's index and its object's serial, big-endian.
func identityOf(index uint32, serial uint64) coord.Identity {
	return coord.Identity(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, index), serial))
}

const identitySize = 12

func serialOf(id coord.Identity) uint64 {
	if len(id) != identitySize {
		return 0 // which no object has
	}
	return binary.BigEndian.Uint64([]byte(id[4:]))
}

func entryOf(r shm.Ref, typ string) coord.Entry {
	kind, typ := kindOf(r.Kind, typ)
	return coord.Entry{ID: identityOf(r.Index, r.Serial), Kind: kind, Type: typ}
}

// Find implements coord.Names.
func (n *names) Find(ctx context.Context, name string) (coord.Entry, error) {
	r, typ, err := n.arena.Find(ctx, name)
	if err != nil {
		return coord.Entry{}, err
	}
	return entryOf(r, typ), nil
}

// Claim implements coord.Names. Of what it does one step alone has an effect, or tells what
// there is; the others saw something that has changed since.
func (n *names) Claim(ctx context.Context, name, kind, typ string) (coord.Entry, bool, error) {
	spec := shm.Spec{Name: name, Kind: shm.Custom, Type: kind, Exclusive: true}
	if k, ok := inCoordinator[kind]; ok {
		spec.Kind, spec.Type = k, typ
	}
	for {
		e, err := n.Find(ctx, name)
		if !errors.Is(err, errs.ErrNotFound) {
			return e, false, err
		}
		o, _, err := n.arena.Open(ctx, spec)
		switch {
		case err == nil:
			return entryOf(o.Ref, o.Type), true, nil
		case !errors.Is(err, errs.ErrExists):
			return coord.Entry{}, false, err
		}
	}
}

// Remove implements coord.Names.
func (n *names) Remove(ctx context.Context, name string) (coord.Entry, error) {
	for {
		r, typ, err := n.arena.Find(ctx, name)
		if err != nil {
			return coord.Entry{}, err
		}
		err = n.arena.Drop(ctx, name, r.Serial)
		if err == nil {
			return entryOf(r, typ), nil
		}
		if !errors.Is(err, errs.ErrNotFound) {
			return coord.Entry{}, err
		}
	}
}

// Drop implements coord.Names.
func (n *names) Drop(name string, id coord.Identity) {
	c := claim{name, serialOf(id)}
	n.mu.Lock()
	busy := len(n.owed) > 0
	if busy {
		n.owed = append(n.owed, c)
	}
	n.mu.Unlock()
	if busy {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), dropPatience)
	defer cancel()
	if err := n.arena.Drop(ctx, name, c.serial); errors.Is(err, context.DeadlineExceeded) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.owed = append(n.owed, c); len(n.owed) == 1 {
			go n.settle()
		}
	}
}

// settle drops what is owed. An arena that is closed ends it: then the sweep takes the names.
func (n *names) settle() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.owed) > 0 {
		c := n.owed[0]
		n.mu.Unlock()
		_ = n.arena.Drop(context.Background(), c.name, c.serial)
		n.mu.Lock()
		n.owed = n.owed[1:]
	}
}

// List implements coord.Names.
func (n *names) List(ctx context.Context) ([]coord.Info, error) {
	var list []coord.Info
	err := n.arena.List(ctx, func(i shm.Info) bool {
		info := coord.Info{Name: i.Name, ID: identityOf(i.Index, i.Serial)}
		info.Kind, info.Type = kindOf(i.Kind, i.Type)
		if !i.Kind.InCoordinator() {
			info.Len, info.Size, info.Sessions = int(i.Param), i.Size, i.Attached
		}
		list = append(list, info)
		return true
	})
	return list, err
}
