package carom

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/shm"
)

// managerRemote is what a manager has that does not map the arena.
type managerRemote struct {
	mu      sync.Mutex
	arena   *handle               // tells about the memory; nil until somebody asks
	workers map[*Process]struct{} // that are told when the manager is closed
}

// askArena calls a method of the one object that tells about the memory.
func (m *Manager) askArena(ctx context.Context, op, method string, read result) error {
	h, err := m.overview(ctx)
	if err == nil {
		err = h.ask(ctx, op, method, read)
	}
	var inner *OpError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return m.fail(op, "", err)
}

func (m *Manager) overview(ctx context.Context) (*handle, error) {
	m.remote.mu.Lock()
	defer m.remote.mu.Unlock()
	if m.remote.arena == nil {
		client, err := m.dial(ctx)
		h := &handle{m: m, r: &remoteObject{remote: remote{b: m, kind: "Arena", name: "arena", tenure: ofName}}}
		if err == nil {
			err = h.r.attach(ctx, client, coord.Attach)
		}
		if err != nil {
			return nil, err
		}
		m.remote.arena = h
	}
	return m.remote.arena, nil
}

func (m *Manager) objectsRemote(ctx context.Context, yield func(Info, error) bool) {
	client, err := m.dial(ctx)
	if err != nil {
		yield(Info{}, m.fail("objects", "", err))
		return
	}
	for i, err := range client.Objects(ctx) {
		info := Info{Name: i.Name, Kind: kindName(i.Kind), Type: i.Type, Size: i.Size, Where: "coordinator", Attached: i.Sessions}
		for kind := range kindOptions {
			if kind.String() == info.Kind {
				info.Where = "memory"
			}
		}
		if !yield(info, m.fail("objects", "", err)) || err != nil {
			return
		}
	}
}

func (m *Manager) processesRemote(ctx context.Context) (list []ProcessInfo, err error) {
	err = m.askArena(ctx, "processes", "processes", func(in *coord.Reader) error {
		for range in.Array() {
			in.Args(6)
			in.Uint() // its ID in the arena
			list = append(list, ProcessInfo{PID: int(in.Int()), Role: in.Text(), Robust: in.Bool(),
				Attached: time.Unix(0, in.Int()), Objects: int(in.Int())})
		}
		return nil
	})
	return list, err
}

func (m *Manager) processesLocal(context.Context) (list []ProcessInfo, err error) {
	for _, p := range m.arena.Processes() {
		list = append(list, ProcessInfo{PID: p.PID, Role: roleNames[p.Role], Robust: p.Robust, Attached: p.Attached, Objects: p.Objects})
	}
	return list, nil
}

func (m *Manager) checkRemote(ctx context.Context) (found []string, err error) {
	err = m.askArena(ctx, "check", "check", func(in *coord.Reader) error {
		for range in.Array() {
			found = append(found, in.Text())
		}
		return nil
	})
	return found, err
}

func (m *Manager) statsRemote(ctx context.Context) (s Stats) {
	_ = m.askArena(ctx, "stats", "stats", func(in *coord.Reader) error {
		in.Args(8)
		s = Stats{Objects: int(in.Int()), Used: in.Int(), Committed: in.Int(), Budget: in.Int(),
			Processes: int(in.Int()), Recoveries: int(in.Int()), Waits: in.Uint(), Wakes: in.Uint()}
		return nil
	})
	return s
}

// forgetArena leaves the arena to the coordinator that child is.
func forgetArena(ctx context.Context, opts Options, key []byte, child *coordinator, arena *shm.Arena) (*Manager, error) {
	m := newManager(opts, child.addr, key, nil)
	m.child, m.bound = child, true
	register(m, arena.ID())
	err := arena.Close(context.Background())
	if err == nil {
		_, err = m.dial(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// employ remembers a worker until it is gone, dismiss tells all that the manager is.
func (m *Manager) employ(p *Process) {
	m.remote.mu.Lock()
	defer m.remote.mu.Unlock()
	if m.remote.workers == nil {
		m.remote.workers = make(map[*Process]struct{})
	}
	maps.DeleteFunc(m.remote.workers, func(p *Process, _ struct{}) bool {
		select {
		case <-p.done:
			return true
		default:
			return false
		}
	})
	m.remote.workers[p] = struct{}{}
}

func (m *Manager) dismiss() {
	m.remote.mu.Lock()
	workers := slices.Collect(maps.Keys(m.remote.workers))
	m.remote.mu.Unlock()
	for _, p := range workers {
		_ = writeMessage(p.control, message{Kind: messageStop}) // who is gone need not know
	}
}

// joinRemote is a worker's manager, where the memory is the coordinator's alone. The
// manager is gone, for the worker, when its coordinator is.
func joinRemote(opts Options, start message) (*Manager, error) {
	opts.Remote = true
	m := newManager(opts, start.Addr, start.Key, nil)
	m.bound = true
	if len(start.Arena) != len(m.id) {
		return nil, fmt.Errorf("the arena's id has %d bytes: %w", len(start.Arena), ErrCorrupt)
	}
	register(m, [16]byte(start.Arena))
	ctx, cancel := bounded(m)
	defer cancel()
	_, err := m.dial(ctx)
	return m, err
}

// waitGone returns when the coordinator is gone, or with ctx.
func (m *Manager) waitGone(ctx context.Context) {
	client, err := m.dial(ctx)
	if err != nil {
		return
	}
	select {
	case <-client.Done():
	case <-ctx.Done():
	}
}
