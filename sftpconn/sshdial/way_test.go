package sshdial

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// connections returns how many connections the server has.
func (s *testServer) connections() int {
	pid := s.daemon.Process.Pid
	return len(strings.Fields(readFile(s.t, fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))))
}

func dialWay(t *testing.T, way Way) Transport {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, way.Close()) })
	transport, err := way.Dial(testContext(t))
	require.NoError(t, err)
	t.Cleanup(func() { _ = transport.Close() })
	return transport
}

func TestSeveralConnections(t *testing.T) {
	t.Parallel()
	s := newKnownServer(t)
	transport := dialWay(t, NewWay(s.resolve(), Options{MaxConns: 3, Logger: testLogger(t)}))
	for want := range 6 {
		requireSFTP(t, transport)
		require.Equal(t, min(want+1, 3), s.connections())
	}
	require.NoError(t, transport.Ping())
	require.NoError(t, transport.Close())
	require.Eventually(t, func() bool { return s.connections() == 0 }, testTimeout, testTick)
	_, err := transport.OpenChannel(testContext(t))
	require.ErrorIs(t, err, net.ErrClosed)
}

// One-time codes are asked for once. Without them there is one connection.
func TestFurtherConnectionsAskNobody(t *testing.T) {
	t.Parallel()
	server := &passwordServer{password: "right"}
	asked := &prompter{t: t, answers: []string{"right", "1234"}}
	cfg := startServer(t, server.interactive("1234"))
	transport := dialWay(t, NewWay(cfg, Options{MaxConns: 3, Prompter: asked, Logger: testLogger(t)}))
	for range 4 {
		_, err := transport.OpenChannel(testContext(t))
		require.NoError(t, err)
	}
	require.Len(t, asked.asked, 2)
	require.Equal(t, []string{"right"}, server.tries())
}

func TestDirect(t *testing.T) {
	t.Parallel()
	cfg := serve(t, func(conn net.Conn) { _, _ = io.Copy(conn, conn) })
	transport := dialWay(t, NewDirect(cfg.Port, Options{Host: "127.0.0.1"}))
	channel, err := transport.OpenChannel(testContext(t))
	require.NoError(t, err)
	requireEcho(t, channel)
	conn := channel.(net.Conn)
	require.Equal(t, 15_000, socketOption(t, conn, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT))
	require.Equal(t, 5, socketOption(t, conn, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE))
	require.ErrorIs(t, transport.Ping(), errors.ErrUnsupported)
	_, err = transport.OpenChannel(testContext(t))
	require.ErrorIs(t, err, errOneChannel)

	transport = dialWay(t, NewDirect(cfg.Port, Options{Host: "127.0.0.1", MaxConns: 2}))
	for range 2 {
		channel, err := transport.OpenChannel(testContext(t))
		require.NoError(t, err)
		requireEcho(t, channel)
	}
	_, err = transport.OpenChannel(testContext(t))
	require.ErrorIs(t, err, errOneChannel)
}

func requireEcho(t *testing.T, channel io.ReadWriter) {
	t.Helper()
	_, err := channel.Write([]byte("ping"))
	require.NoError(t, err)
	answer := make([]byte, 4)
	_, err = io.ReadFull(channel, answer)
	require.NoError(t, err)
	require.Equal(t, "ping", string(answer))
}

func TestPassive(t *testing.T) {
	t.Parallel()
	in, toUs, err := os.Pipe()
	require.NoError(t, err)
	fromUs, out, err := os.Pipe()
	require.NoError(t, err)
	defer toUs.Close()
	defer fromUs.Close()
	go func() { _, _ = io.Copy(toUs, fromUs) }() // until out is closed
	way := NewPassive(in, out)
	transport := dialWay(t, way)
	channel, err := transport.OpenChannel(testContext(t))
	require.NoError(t, err)
	requireEcho(t, channel)
	read := make(chan error)
	go func() {
		_, err := channel.Read(make([]byte, 1))
		read <- err
	}()
	require.NoError(t, transport.Close())
	require.Error(t, <-read)
	_, err = way.Dial(testContext(t))
	require.True(t, IsPermanent(err))
}

func TestVsock(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "1", "1:", "a:2", "1:2:3", "-1:2"} {
		_, _, err := ParseVsock(text)
		require.Error(t, err, text)
	}
	cid, port, err := ParseVsock("1:4000000000")
	require.NoError(t, err)
	require.EqualValues(t, 1, cid)

	listener, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(listener)
		err = unix.Bind(listener, &unix.SockaddrVM{CID: unix.VMADDR_CID_ANY, Port: port})
	}
	if err == nil {
		err = unix.Listen(listener, 1)
	}
	if err != nil {
		t.Skip("no vsock here:", err)
	}
	go func() { // ends with the connection
		fd, _, err := unix.Accept(listener)
		if err != nil {
			return
		}
		conn := os.NewFile(uintptr(fd), "vsock")
		defer conn.Close()
		_, _ = io.Copy(conn, conn)
	}()
	transport, err := NewVsock(cid, port, Options{}).Dial(testContext(t))
	if err != nil {
		t.Skip("no loopback for vsock here:", err)
	}
	defer transport.Close()
	channel, err := transport.OpenChannel(testContext(t))
	require.NoError(t, err)
	requireEcho(t, channel)
}
