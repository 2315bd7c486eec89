package reconnect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// subscribe returns a channel of the kernel's news about the network, or nil.
func (s *supervisor) subscribe(ctx context.Context) <-chan struct{} {
	network, err := openNetworkNews()
	if err != nil {
		s.log.Debug("changes of the network will not be noticed", "err", err)
		return nil
	}
	changes := make(chan struct{}, 1)
	stop := context.AfterFunc(ctx, func() { _ = network.Close() })
	s.owned.Go(func() {
		defer stop()
		defer close(changes)
		buf := make([]byte, 4096)
		for {
			// That a message came is enough: one that does not fit is cut off, and
			// those that come too fast are lost.
			if _, err := network.Read(buf); err != nil && !errors.Is(err, unix.ENOBUFS) {
				_ = network.Close()
				return
			}
			select {
			case changes <- struct{}{}:
			default:
			}
		}
	})
	return changes
}

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
