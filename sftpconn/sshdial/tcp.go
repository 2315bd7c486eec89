package sshdial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// address is the TCP address of the server.
func (c *Config) address() string {
	return net.JoinHostPort(c.HostName, strconv.Itoa(c.Port))
}

// attemptPause lies between the attempts of ConnectionAttempts, as in ssh.
const attemptPause = time.Second

// connectTCP makes a TCP connection, in ConnectionAttempts attempts.
func connectTCP(ctx context.Context, cfg *Config) (net.Conn, error) {
	for attempt := 1; ; attempt++ {
		conn, err := tryTCP(ctx, cfg)
		if err == nil || ctx.Err() != nil || attempt >= cfg.ConnectionAttempts {
			return conn, err
		}
		select {
		case <-time.After(attemptPause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// tryTCP tries all local addresses that the configuration leaves. Go sets
// TCP_NODELAY by itself.
func tryTCP(ctx context.Context, cfg *Config) (net.Conn, error) {
	network := map[string]string{"inet": "tcp4", "inet6": "tcp6"}[cfg.AddressFamily]
	if network == "" {
		network = "tcp"
	}
	dialer := net.Dialer{
		Timeout: cfg.ConnectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: cfg.TCPKeepAlive, Idle: 30 * time.Second, Interval: 15 * time.Second, Count: 4,
		},
		Control: cfg.setTypeOfService,
	}
	if !cfg.TCPKeepAlive {
		dialer.KeepAlive = -1
	}
	locals, err := localAddresses(network, cfg)
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	for _, dialer.LocalAddr = range locals {
		conn, err = dialer.DialContext(ctx, network, cfg.address())
		if err == nil {
			return conn, nil
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err // the rest of it says the address again
	}
	if from := cmp.Or(cfg.BindAddress, cfg.BindInterface); from != "" {
		return nil, fmt.Errorf("connect to %s from %s: %w", cfg.address(), from, err)
	}
	return nil, fmt.Errorf("connect to %s: %w", cfg.address(), err)
}

// localAddresses returns the addresses to connect from, nil for any.
func localAddresses(network string, cfg *Config) ([]net.Addr, error) {
	switch {
	case cfg.BindAddress != "":
		local, err := net.ResolveTCPAddr(network, net.JoinHostPort(cfg.BindAddress, "0"))
		if err != nil {
			return nil, fmt.Errorf("BindAddress %s: %w", cfg.BindAddress, err)
		}
		return []net.Addr{local}, nil
	case cfg.BindInterface != "":
		return interfaceAddresses(network, cfg.BindInterface)
	}
	return []net.Addr{nil}, nil
}

// interfaceAddresses returns an interface's first address of each family, if
// there is one that is not link-local.
func interfaceAddresses(network, name string) ([]net.Addr, error) {
	device, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("BindInterface %s: %w", name, err)
	}
	addresses, err := device.Addrs()
	if err != nil {
		return nil, fmt.Errorf("BindInterface %s: %w", name, err)
	}
	found := map[bool]net.Addr{} // by whether it is of version 4
	for _, a := range addresses {
		ip, _, err := net.ParseCIDR(a.String())
		if err != nil || ip.IsLinkLocalUnicast() {
			continue
		}
		is4 := ip.To4() != nil
		if network == "tcp" || is4 == (network == "tcp4") {
			if found[is4] == nil {
				found[is4] = &net.TCPAddr{IP: ip}
			}
		}
	}
	locals := slices.DeleteFunc([]net.Addr{found[true], found[false]}, func(a net.Addr) bool { return a == nil })
	if len(locals) == 0 {
		return nil, fmt.Errorf("BindInterface %s: it has no address to connect from", name)
	}
	return locals, nil
}

// setTypeOfService marks the packets of a connection before it is made.
func (c *Config) setTypeOfService(network, _ string, raw syscall.RawConn) error {
	if c.IPQoS < 0 {
		return nil
	}
	level, option := unix.IPPROTO_IP, unix.IP_TOS
	if network == "tcp6" {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	}
	// As in ssh, a connection without the mark is better than none.
	return raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), level, option, c.IPQoS) })
}

// servicesByName are the names that IPQoS takes (ssh_config(5)), and what the
// header's field holds for them (RFC 2474, RFC 2597, RFC 3246, RFC 8622).
var servicesByName = map[string]int{
	"none": -1, "ef": 0xb8, "le": 0x04, "va": 0xb0,
	"af11": 0x28, "af12": 0x30, "af13": 0x38, "af21": 0x48, "af22": 0x50, "af23": 0x58,
	"af31": 0x68, "af32": 0x70, "af33": 0x78, "af41": 0x88, "af42": 0x90, "af43": 0x98,
	"cs0": 0x00, "cs1": 0x20, "cs2": 0x40, "cs3": 0x60, "cs4": 0x80, "cs5": 0xa0, "cs6": 0xc0, "cs7": 0xe0,
	"lowdelay": 0x10, "throughput": 0x08, "reliability": 0x04,
}
