package spawn

import (
	"fmt"
	"os"
	"sync/atomic"

	"github.com/carom-ipc/carom/internal/errs"
)

// Role is as what a process was started.
type Role string

// The roles. A program that nobody started as a child has none.
const (
	RoleNone        Role = ""
	RoleCoordinator Role = "coordinator"
	RoleWorker      Role = "worker"
)

const roleEnv = "CAROM_ROLE"

var begun atomic.Bool

// Begin tells as what this process was started. A process that called it can have children
// of its own executable.
func Begin() (Role, error) {
	begun.Store(true)
	role := Role(os.Getenv(roleEnv))
	switch role {
	case RoleNone, RoleCoordinator, RoleWorker:
		_ = os.Unsetenv(roleEnv) // not for this process's own children
		return role, nil
	}
	return RoleNone, fmt.Errorf("carom: %s=%q: no such role", roleEnv, string(role))
}

// Begun is nil once Begin was called, ErrUnavailable before.
func Begun() error {
	if !begun.Load() {
		return fmt.Errorf("call carom.Init first in main: %w", errs.ErrUnavailable)
	}
	return nil
}
