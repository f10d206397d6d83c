package coord

import (
	"net"

	"golang.org/x/sys/unix"
)

// identify asks the kernel whose process is at the other end.
func (p *Peer) identify(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return err
	}
	if credErr != nil {
		return credErr
	}
	p.Local, p.PID, p.UID, p.GID = true, int(cred.Pid), int(cred.Uid), int(cred.Gid)
	return nil
}
