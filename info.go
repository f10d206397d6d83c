package carom

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/shm"
)

// Info describes an object.
type Info struct {
	Name     string
	Kind     string // "Value", "Dict"
	Type     string // the element type's structure; empty for kinds that have none
	Size     int64  // bytes
	Where    string // "memory" or "coordinator"
	Attached int    // processes
}

// Objects lists all objects. What is made or removed meanwhile may be missing. An
// error ends the list.
func (m *Manager) Objects(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if err := m.check("objects"); err != nil {
			yield(Info{}, err)
			return
		}
		if m.arena == nil {
			m.objectsRemote(ctx, yield)
			return
		}
		inCoordinator := map[string]coord.Info{}
		client, err := m.dial(ctx)
		if err == nil {
			for i, ierr := range client.Objects(ctx) {
				if err = ierr; err != nil {
					break
				}
				inCoordinator[i.Name] = i
			}
		}
		err = m.arena.List(ctx, func(i shm.Info) bool {
			if c, ok := inCoordinator[i.Name]; ok && i.Kind.InCoordinator() {
				return yield(coordinatorInfo(c), nil)
			}
			return yield(Info{Name: i.Name, Kind: i.Kind.String(), Type: i.Type, Size: i.Size, Where: "memory",
				Attached: i.Attached}, nil)
		})
		if err != nil {
			yield(Info{}, m.fail("objects", "", err))
		}
	}
}

func coordinatorInfo(i coord.Info) Info {
	return Info{Name: i.Name, Kind: kindName(i.Kind), Type: i.Type, Size: i.Size, Where: "coordinator", Attached: i.Sessions}
}

// ProcessInfo describes a process that is attached to the arena.
type ProcessInfo struct {
	PID      int    // in its own namespace
	Role     string // "program", "coordinator", "worker"
	Robust   bool   // the kernel itself reports its death; otherwise others look for it
	Attached time.Time
	Objects  int // attached
}

// Processes lists what is attached to the arena: processes that map it, and sessions of
// the coordinator that use objects in it.
func (m *Manager) Processes(ctx context.Context) iter.Seq2[ProcessInfo, error] {
	return func(yield func(ProcessInfo, error) bool) {
		err := m.check("processes")
		read := m.processesLocal
		if m.arena == nil {
			read = m.processesRemote
		}
		var list []ProcessInfo
		if err == nil {
			list, err = read(ctx)
		}
		for _, p := range list {
			if err = ctx.Err(); err != nil {
				break
			}
			if !yield(p, nil) {
				return
			}
		}
		if err != nil {
			yield(ProcessInfo{}, err)
		}
	}
}

var roleNames = map[int]string{shm.RoleProgram: "program", shm.RoleCoordinator: "coordinator", shm.RoleWorker: "worker", shm.RoleRemote: "remote"}

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

// Check examines the invariants of the arena and returns what is wrong; none is nil.
func (m *Manager) Check(ctx context.Context) ([]string, error) {
	if err := m.check("check"); err != nil {
		return nil, err
	}
	if m.arena == nil {
		return m.checkRemote(ctx)
	}
	found, err := m.arena.Check(ctx, false)
	return found, m.fail("check", "", err)
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

// Stats are counters and gauges of the manager.
type Stats struct {
	Objects    int
	Used       int64  // bytes of objects and items in the arena
	Committed  int64  // bytes of the arena that have memory behind them
	Budget     int64  // bytes: the limit of Committed
	Processes  int    // attached to the arena
	Recoveries int    // processes that went and were cleaned up after
	Waits      uint64 // times this process slept for another; of a remote manager, the coordinator
	Wakes      uint64 // times it woke others
	Calls      uint64 // to the coordinator, by all clients; 0 while it is gone
	Sessions   int    // clients of the coordinator
}

// Stats reads the counters. What cannot be had is zero.
func (m *Manager) Stats() Stats {
	var s Stats
	if m == nil {
		return s
	}
	if m.arena != nil {
		a := m.arena.Stats()
		s = Stats{Objects: a.Objects, Used: a.Used, Committed: a.Committed, Budget: a.Budget, Processes: a.Processes,
			Recoveries: a.Recoveries, Waits: a.Waits, Wakes: a.Wakes}
	}
	ctx, cancel := context.WithTimeout(m.ctx, m.opts.Timeout)
	defer cancel()
	if m.arena == nil {
		s = m.statsRemote(ctx)
	}
	if client, err := m.dial(ctx); err == nil {
		if c, err := client.Stats(ctx); err == nil {
			s.Calls, s.Sessions = c.Calls, c.Sessions
		}
	}
	return s
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
	m.overseer.mu.Lock()
	defer m.overseer.mu.Unlock()
	if m.overseer.handle == nil {
		client, err := m.dial(ctx)
		h := &handle{m: m, kind: "Arena", name: "arena", r: &remote{tenure: ofName}}
		if err == nil {
			err = h.open(ctx, client, coord.Attach)
		}
		if err != nil {
			return nil, err
		}
		m.overseer.handle = h
	}
	return m.overseer.handle, nil
}

func (m *Manager) objectsRemote(ctx context.Context, yield func(Info, error) bool) {
	client, err := m.dial(ctx)
	if err != nil {
		yield(Info{}, m.fail("objects", "", err))
		return
	}
	for i, err := range client.Objects(ctx) {
		info := Info{Name: i.Name, Kind: kindName(i.Kind), Type: i.Type, Size: i.Size, Where: "coordinator", Attached: i.Sessions}
		if shm.InMemory(info.Kind) {
			info.Where = "memory"
		}
		if !yield(info, m.fail("objects", "", err)) || err != nil {
			return
		}
	}
}
