package sftptest_test

import (
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn/sftptest"
)

// accepted listens on loopback, and hands out what connects to it.
func accepted(t testing.TB) (addr string, conns <-chan *net.TCPConn) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	out := make(chan *net.TCPConn, 16)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			out <- conn.(*net.TCPConn)
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		wg.Wait()
	})
	return listener.Addr().String(), out
}

// connected returns the two ends of a connection through a new Link.
func connected(t testing.TB) (link *sftptest.Link, client, server net.Conn) {
	addr, conns := accepted(t)
	link = sftptest.NewLink(t, addr)
	client = dial(t, link.Addr())
	select {
	case server = <-conns:
	case <-time.After(5 * time.Second):
		t.Fatal("the connection did not reach the server")
	}
	t.Cleanup(func() { _ = server.Close() })
	return link, client, server
}

func dial(t testing.TB, addr string) net.Conn {
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func writeString(t testing.TB, w io.Writer, s string) {
	_, err := io.WriteString(w, s)
	require.NoError(t, err)
}

func readString(t testing.TB, conn net.Conn, n int) string {
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	buf := make([]byte, n)
	_, err := io.ReadFull(conn, buf)
	require.NoError(t, err)
	return string(buf)
}

// silent checks that nothing arrives on conn for some time.
func silent(t testing.TB, conn net.Conn) {
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	n, err := conn.Read(make([]byte, 1))
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	assert.True(t, timeout.Timeout())
	assert.Zero(t, n)
}

func TestLinkCarriesBothWays(t *testing.T) {
	link, client, server := connected(t)
	sent := make([]byte, 20<<20)
	_, _ = rand.Read(sent)
	for _, way := range []struct {
		direction sftptest.Direction
		from, to  net.Conn
	}{{sftptest.Up, client, server}, {sftptest.Down, server, client}} {
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := way.from.Write(sent)
			assert.NoError(t, err)
			assert.NoError(t, way.from.(*net.TCPConn).CloseWrite())
		})
		got, err := io.ReadAll(way.to)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(sent, got), way.direction)
		assert.EqualValues(t, len(sent), link.Bytes(way.direction))
		wg.Wait()
	}
	assert.Equal(t, 1, link.Connections())
}

// least returns the shortest time that do takes, of ten: a busy machine adds to
// some.
func least(do func()) time.Duration {
	shortest := time.Hour
	for range 10 {
		start := time.Now()
		do()
		shortest = min(shortest, time.Since(start))
	}
	return shortest
}

func TestLinkDelay(t *testing.T) {
	link, client, server := connected(t)
	link.SetDelay(100 * time.Millisecond)
	pass := func(from, to net.Conn) func() {
		return func() {
			writeString(t, from, "ping")
			assert.Equal(t, "ping", readString(t, to, 4))
		}
	}
	for way, took := range map[string]time.Duration{"up": least(pass(client, server)), "down": least(pass(server, client))} {
		assert.GreaterOrEqual(t, took, 50*time.Millisecond, way)
		assert.Less(t, took, 80*time.Millisecond, way)
	}
}

// The delay must not lessen what the line carries: 32 MiB over a line of 100 ms
// take a little more than 50 ms, not 50 ms per buffer.
func TestLinkDelayLeavesBandwidth(t *testing.T) {
	link, client, server := connected(t)
	link.SetDelay(100 * time.Millisecond)
	const size = 32 << 20
	start := time.Now()
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := client.Write(make([]byte, size))
		assert.NoError(t, err)
	})
	_, err := io.CopyN(io.Discard, server, size)
	require.NoError(t, err)
	assert.Less(t, time.Since(start), 5*time.Second)
	wg.Wait()
}

func TestLinkRate(t *testing.T) {
	link, client, server := connected(t)
	link.SetDelay(20 * time.Millisecond)
	link.SetRate(20_000_000)
	const size = 2_000_000
	took := least(func() {
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := client.Write(make([]byte, size))
			assert.NoError(t, err)
		})
		_, err := io.CopyN(io.Discard, server, size)
		require.NoError(t, err)
		wg.Wait()
	})
	assert.GreaterOrEqual(t, took, 100*time.Millisecond, "for 2 MB at 20 MB/s")
	assert.Less(t, took, 180*time.Millisecond)
}

func TestLinkCutResetsBothEnds(t *testing.T) {
	link, client, server := connected(t)
	link.Cut()
	for _, end := range []net.Conn{client, server} {
		require.NoError(t, end.SetReadDeadline(time.Now().Add(5*time.Second)))
		_, err := end.Read(make([]byte, 1))
		assert.ErrorIs(t, err, syscall.ECONNRESET)
	}
	dial(t, link.Addr())
}

func TestLinkCloseFINEndsBothEndsInOrder(t *testing.T) {
	link, client, server := connected(t)
	link.SetDelay(time.Hour)
	writeString(t, client, "never delivered")
	link.CloseFIN()
	for _, end := range []net.Conn{client, server} {
		require.NoError(t, end.SetReadDeadline(time.Now().Add(5*time.Second)))
		_, err := end.Read(make([]byte, 1))
		assert.ErrorIs(t, err, io.EOF)
	}
}

// A reset by one end reaches the other as a reset.
func TestLinkPassesResetOn(t *testing.T) {
	_, client, server := connected(t)
	require.NoError(t, server.(*net.TCPConn).SetLinger(0))
	require.NoError(t, server.Close())
	require.NoError(t, client.SetReadDeadline(time.Now().Add(5*time.Second)))
	_, err := client.Read(make([]byte, 1))
	assert.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestLinkStallHoldsData(t *testing.T) {
	link, client, server := connected(t)
	link.Stall()
	writeString(t, client, "up")
	writeString(t, server, "down")
	silent(t, server)
	silent(t, client)
	link.Resume()
	assert.Equal(t, "up", readString(t, server, 2))
	assert.Equal(t, "down", readString(t, client, 4))
}

func TestLinkStallOneWay(t *testing.T) {
	link, client, server := connected(t)
	link.Stall(sftptest.Down)
	writeString(t, client, "up")
	assert.Equal(t, "up", readString(t, server, 2))
	writeString(t, server, "down")
	silent(t, client)
	link.Resume()
	assert.Equal(t, "down", readString(t, client, 4))
}

func TestLinkStallHoldsNewConnections(t *testing.T) {
	addr, conns := accepted(t)
	link := sftptest.NewLink(t, addr)
	link.Stall()
	client := dial(t, link.Addr())
	silent(t, client)
	assert.Empty(t, conns)
	link.Resume()
	server := <-conns
	defer func() { _ = server.Close() }()
	writeString(t, server, "late")
	assert.Equal(t, "late", readString(t, client, 4))
}

func TestLinkRefuse(t *testing.T) {
	link, client, server := connected(t)
	for range 3 {
		link.Refuse()
		_, err := net.Dial("tcp", link.Addr())
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		require.NoError(t, link.Accept())
		require.NoError(t, dial(t, link.Addr()).Close())
	}
	writeString(t, client, "stands")
	assert.Equal(t, "stands", readString(t, server, 6))
}

func TestLinkResetsClientOfDeadTarget(t *testing.T) {
	link := sftptest.NewLink(t, "127.0.0.1:1")
	client, err := net.Dial("tcp", link.Addr())
	if err == nil {
		defer func() { _ = client.Close() }()
		require.NoError(t, client.SetReadDeadline(time.Now().Add(5*time.Second)))
		_, err = client.Read(make([]byte, 1))
	}
	assert.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestLinkCloseEndsAllStates(t *testing.T) {
	for name, prepare := range map[string]func(*sftptest.Link, net.Conn){
		"idle":    func(*sftptest.Link, net.Conn) {},
		"stalled": func(l *sftptest.Link, c net.Conn) { l.Stall(); _, _ = c.Write([]byte("x")) },
		"delayed": func(l *sftptest.Link, c net.Conn) { l.SetDelay(time.Hour); _, _ = c.Write([]byte("x")) },
		"slow":    func(l *sftptest.Link, c net.Conn) { l.SetRate(1); _, _ = c.Write([]byte("xyz")) },
		"hung up": func(l *sftptest.Link, _ net.Conn) { l.CloseFIN() },
		"full": func(_ *sftptest.Link, c net.Conn) {
			_ = c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
			_, _ = c.Write(make([]byte, 64<<20))
		},
	} {
		t.Run(name, func(t *testing.T) {
			link, client, _ := connected(t)
			prepare(link, client)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				link.Close()
				link.Close()
			}()
			select {
			case <-ended:
			case <-time.After(5 * time.Second):
				t.Fatal("Close hangs")
			}
		})
	}
}

func BenchmarkLink(b *testing.B) {
	for _, delay := range []time.Duration{0, 20 * time.Millisecond} {
		b.Run(delay.String(), func(b *testing.B) {
			link, client, server := connected(b)
			link.SetDelay(delay)
			const piece = 1 << 20
			b.SetBytes(piece)
			var wg sync.WaitGroup
			wg.Go(func() { _, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, server, make([]byte, piece)) })
			buf := make([]byte, piece)
			for b.Loop() {
				_, _ = client.Write(buf)
			}
			_ = client.Close()
			wg.Wait()
		})
	}
}
