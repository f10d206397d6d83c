package spawn

import (
	"os"
	"os/exec"

	"github.com/carom-ipc/carom/internal/budget"
)

const (
	arenaFD   = 3
	controlFD = 4
)

// start starts a child in a role, and returns this end of its control connection. arena
// may be nil.
func start(cmd *exec.Cmd, role Role, arena *os.File) (*os.File, error) {
	ours, theirs, err := SocketPair()
	if err != nil {
		return nil, budget.Explain(err)
	}
	defer theirs.Close()
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, roleEnv+"="+string(role))
	cmd.ExtraFiles = []*os.File{arena, theirs}
	if err := cmd.Start(); err != nil {
		_ = ours.Close()
		return nil, budget.Explain(err)
	}
	return ours, nil
}

// InheritArena takes over the arena's descriptor. A worker whose Start is
// Remote has none.
func InheritArena() *os.File { return inherit(arenaFD, "arena") }

func inheritControl() *os.File { return inherit(controlFD, "control") }
