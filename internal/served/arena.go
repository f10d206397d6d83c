package served

import (
	"context"
	"fmt"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

// arenaOpener opens the one object that tells about the memory itself.
type arenaOpener struct{ host *shm.Arena }

const arenaName = "arena"

var arenaMethods = map[string]method[*shm.Arena]{
	"processes": {processes, lingering},
	"check":     {check, lingering},
	"stats":     {stats, instant},
}

// Open implements coord.Opener.
func (a arenaOpener) Open(_ context.Context, sess *coord.Session, name, typ string, _ []byte, mode coord.Mode) (coord.Opened, error) {
	o := &opening{sess: sess, kind: "arena", typ: typ}
	err := o.untyped()
	switch {
	case err != nil:
	case name != arenaName:
		err = fmt.Errorf("%w: there is one arena, called %q, and none called %q", errs.ErrNotFound, arenaName, name)
	case mode == coord.Exclusive:
		err = fmt.Errorf("%w: the arena", errs.ErrExists)
	}
	if err != nil {
		return coord.Opened{}, err
	}
	obj := &object[*shm.Arena]{it: a.host, kind: o.kind, sess: sess, methods: arenaMethods}
	return coord.Opened{Object: obj, Details: coord.AppendArray(nil, 0)}, nil
}

var roles = map[int]string{shm.RoleProgram: "program", shm.RoleCoordinator: "coordinator", shm.RoleWorker: "worker", shm.RoleRemote: "remote"}

func processes(a *shm.Arena, c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	list := a.Processes()
	c.dst = coord.AppendArray(c.dst, len(list))
	for _, p := range list {
		c.dst = coord.AppendUint(coord.AppendArray(c.dst, 6), uint64(p.ID))
		c.dst = coord.AppendInt(c.dst, int64(p.PID))
		c.dst = coord.AppendText(c.dst, roles[p.Role])
		c.dst = coord.AppendBool(c.dst, p.Robust)
		c.dst = coord.AppendInt(c.dst, p.Attached.UnixNano())
		c.dst = coord.AppendInt(c.dst, int64(p.Objects))
	}
	return nil
}

func check(a *shm.Arena, c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	found, err := a.Check(c.ctx, false)
	if err != nil {
		return err
	}
	c.dst = coord.AppendArray(c.dst, len(found))
	for _, text := range found {
		c.dst = coord.AppendText(c.dst, text)
	}
	return nil
}

func stats(a *shm.Arena, c *call) error {
	if err := c.nothing(); err != nil {
		return err
	}
	s := a.Stats()
	c.dst = coord.AppendArray(c.dst, 8)
	for _, n := range []int64{int64(s.Objects), s.Used, s.Committed, s.Budget, int64(s.Processes), int64(s.Recoveries)} {
		c.dst = coord.AppendInt(c.dst, n)
	}
	c.dst = coord.AppendUint(coord.AppendUint(c.dst, s.Waits), s.Wakes)
	return nil
}
