package carom

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/shm"
)

// names makes the arena's directory the one place for names: what lives in the
// coordinator has an entry there too.
type names struct{ arena *shm.Arena }

var kindNumbers = map[string]shm.Kind{coord.KindDict: shm.Dict, coord.KindList: shm.List, coord.KindNamespace: shm.Namespace}

func (n names) Claim(name, kind, typ string) error {
	k, ok := kindNumbers[kind]
	if !ok {
		k, typ = shm.Custom, kind
	}
	ctx, cancel := context.WithTimeout(context.Background(), defaultTimeout)
	defer cancel()
	_, _, err := n.arena.Open(ctx, shm.Spec{Name: name, Kind: k, Type: typ, Exclusive: true})
	if errors.Is(err, ErrExists) {
		// Say what is there, as for two kinds in shared memory.
		have, kerr := n.arena.KindOf(ctx, name)
		if kerr == nil && have != k {
			return fmt.Errorf("there is %v, wanted %s: %w", have, kindName(kind), ErrType)
		}
	}
	return err
}

// Find implements coord.Names.
func (n names) Find(ctx context.Context, name string) (kind, typ string, err error) {
	k, err := n.arena.KindOf(ctx, name)
	return strings.ToLower(k.String()), "", err
}

// Remove implements coord.Names.
func (n names) Remove(ctx context.Context, name string) error {
	if k, err := n.arena.KindOf(ctx, name); err != nil || k.InCoordinator() {
		return errors.Join(fmt.Errorf("no object is called %q", name), ErrNotFound)
	}
	return n.arena.Remove(ctx, name)
}

// List implements coord.Names.
func (n names) List(ctx context.Context) ([]coord.Info, error) {
	var list []coord.Info
	err := n.arena.List(ctx, func(i shm.Info) bool {
		if !i.Kind.InCoordinator() {
			list = append(list, coord.Info{Name: i.Name, Kind: strings.ToLower(i.Kind.String()), Type: i.Type,
				Len: int(i.Param), Size: i.Size, Sessions: i.Attached})
		}
		return true
	})
	return list, err
}

// Claim and Release implement coord.Names.
func (n names) Release(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), defaultTimeout)
	defer cancel()
	_ = n.arena.Drop(ctx, name)
}
