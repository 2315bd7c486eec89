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
func (t *TCP) address() string {
	return net.JoinHostPort(t.HostName, strconv.Itoa(t.Port))
}

// attemptPause lies between the attempts of ConnectionAttempts, as in ssh.
const attemptPause = time.Second

// connect makes the connection, in ConnectionAttempts attempts.
func (t *TCP) connect(ctx context.Context) (net.Conn, error) {
	for n := 1; ; n++ {
		conn, err := t.attempt(ctx)
		if err == nil || ctx.Err() != nil || n >= t.ConnectionAttempts {
			return conn, err
		}
		select {
		case <-time.After(attemptPause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// attempt tries all local addresses that the configuration leaves. Go sets
// TCP_NODELAY by itself.
func (t *TCP) attempt(ctx context.Context) (net.Conn, error) {
	network := map[string]string{"inet": "tcp4", "inet6": "tcp6"}[t.AddressFamily]
	if network == "" {
		network = "tcp"
	}
	dialer := net.Dialer{
		Timeout: t.ConnectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: t.TCPKeepAlive, Idle: 30 * time.Second, Interval: 15 * time.Second, Count: 4,
		},
		Control: t.setTypeOfService,
	}
	if !t.TCPKeepAlive {
		dialer.KeepAlive = -1
	}
	locals, err := t.localAddresses(network)
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	for _, dialer.LocalAddr = range locals {
		conn, err = dialer.DialContext(ctx, network, t.address())
		if err == nil {
			return conn, nil
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // the rest of it says the address again
	}
	if from := cmp.Or(t.BindAddress, t.BindInterface); from != "" {
		return nil, fmt.Errorf("connect to %s from %s: %w", t.address(), from, err)
	}
	return nil, fmt.Errorf("connect to %s: %w", t.address(), err)
}

// localAddresses returns the addresses to connect from, nil for any.
func (t *TCP) localAddresses(network string) ([]net.Addr, error) {
	switch {
	case t.BindAddress != "":
		local, err := net.ResolveTCPAddr(network, net.JoinHostPort(t.BindAddress, "0"))
		if err != nil {
			return nil, fmt.Errorf("BindAddress %s: %w", t.BindAddress, err)
		}
		return []net.Addr{local}, nil
	case t.BindInterface != "":
		return interfaceAddresses(network, t.BindInterface)
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

// defaultPatience applies where nobody asks for keepalives.
const defaultPatience = 15 * time.Second

// patience is how long a server may be silent before it is taken for dead.
func (t *TCP) patience() time.Duration {
	if t.ServerAliveInterval == 0 {
		return defaultPatience
	}
	return t.ServerAliveInterval * time.Duration(max(t.ServerAliveCountMax, 1))
}

// limitSilence makes the kernel end a TCP connection whose peer is silent for
// longer than patience: that acknowledges neither data nor, if there is none,
// the kernel's probes.
func limitSilence(conn net.Conn, patience time.Duration) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok || patience <= 0 {
		return
	}
	const probes = 3
	pause := max(patience/probes, time.Second)
	_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: pause, Interval: pause, Count: probes})
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(patience.Milliseconds()))
		})
	}
}

// setTypeOfService marks the packets of a connection before it is made.
func (t *TCP) setTypeOfService(network, _ string, raw syscall.RawConn) error {
	if t.IPQoS < 0 {
		return nil
	}
	level, option := unix.IPPROTO_IP, unix.IP_TOS
	if network == "tcp6" {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	}
	// As in ssh, a connection without the mark is better than none.
	return raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), level, option, t.IPQoS) })
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
