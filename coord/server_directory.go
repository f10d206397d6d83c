package coord

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"sync"
)

// directory is the Names of a coordinator that shares its namespace with nobody.
type directory struct {
	mu     sync.Mutex
	origin [8]byte // random: identities of two directories differ
	last   uint64
	taken  map[string]Entry
}

func newDirectory() *directory {
	d := &directory{taken: map[string]Entry{}}
	rand.Read(d.origin[:])
	return d
}

// Find implements Names.
func (d *directory) Find(_ context.Context, name string) (Entry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.find(name)
}

func (d *directory) find(name string) (Entry, error) {
	e, ok := d.taken[name]
	if !ok {
		return Entry{}, errNoName(name)
	}
	return e, nil
}

// Claim implements Names.
func (d *directory) Claim(_ context.Context, name, kind, typ string) (Entry, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e, ok := d.taken[name]; ok {
		return e, false, nil
	}
	d.last++
	e := Entry{ID: Identity(binary.BigEndian.AppendUint64(d.origin[:], d.last)), Kind: kind, Type: typ}
	d.taken[name] = e
	return e, true, nil
}

// Remove implements Names.
func (d *directory) Remove(_ context.Context, name string) (Entry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, err := d.find(name)
	delete(d.taken, name)
	return e, err
}

// Drop implements Names.
func (d *directory) Drop(name string, id Identity) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.taken[name].ID == id {
		delete(d.taken, name)
	}
}

// List implements Names.
func (d *directory) List(context.Context) ([]Info, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	infos := make([]Info, 0, len(d.taken))
	for name, e := range d.taken {
		infos = append(infos, Info{Name: name, ID: e.ID, Kind: e.Kind, Type: e.Type})
	}
	return infos, nil
}
