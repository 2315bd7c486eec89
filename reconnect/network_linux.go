package reconnect

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// openNetworkNews subscribes to the kernel's messages about interfaces and
// addresses (rtnetlink(7)).
func openNetworkNews() (io.ReadCloser, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("netlink socket: %w", err)
	}
	groups := &unix.SockaddrNetlink{
		Family: unix.AF_NETLINK,
		Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR,
	}
	if err := unix.Bind(fd, groups); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("subscribing to network changes: %w", err)
	}
	return os.NewFile(uintptr(fd), "netlink"), nil
}

// isOverflow reports whether messages were lost because they came too fast.
func isOverflow(err error) bool { return errors.Is(err, unix.ENOBUFS) }
