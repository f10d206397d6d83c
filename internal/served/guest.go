package served

import "github.com/carom-ipc/carom/shm"

// newGuest enters the arena once more, for a session.
func newGuest(host *shm.Arena) (*shm.Arena, error) {
	guest, err := shm.Attach(host.File())
	if err == nil {
		guest.SetRole(shm.RoleRemote)
	}
	return guest, err
}
