package fusefs

import (
	"os"

	"golang.org/x/sys/unix"
)

// connection is a mount's open /dev/fuse, held besides go-fuse's to see when
// the kernel has ended it: by unmounting, or by force (umount -f).
type connection struct {
	fd int
}

func watchConnection(fd int) (connection, error) {
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return connection{}, os.NewSyscallError("fcntl", err)
	}
	return connection{own}, nil
}

// ended reports whether the kernel has ended the connection. All who waited on
// it have been released then, and no answer reaches anybody. It is asked from
// time to time, not waited for: a waiter would be woken by every request.
func (c connection) ended() bool {
	fds := []unix.PollFd{{Fd: int32(c.fd)}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0 && fds[0].Revents&unix.POLLERR != 0
}

func (c connection) close() {
	_ = unix.Close(c.fd)
}
