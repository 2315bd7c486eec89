package sftptest

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Link is a TCP proxy on loopback in front of a server, with a set delay, a
// set rate and faults. All its connections share the one line. Without delay,
// rate and fault it passes data on as fast as it can.
//
// The TCP handshake is answered at once, whatever the delay. Faults may be set
// from any goroutine, and are in force when the method returns, except that
// what is just being written to a socket still arrives.
type Link struct {
	acceptor *acceptor
	lines    [2]*line
}

// NewLink returns a Link to target, a host:port. It is closed when t ends.
func NewLink(t testing.TB, target string) *Link {
	t.Helper()
	l := &Link{lines: [2]*line{newLine(), newLine()}}
	var err error
	l.acceptor, err = newAcceptor(func(conn *net.TCPConn, _ int) peer {
		return newLinkConn(conn, target, l.lines)
	})
	require.NoError(t, err)
	t.Cleanup(l.Close)
	require.NoError(t, l.Accept())
	return l
}

// Addr returns the address to connect to, a host:port.
func (l *Link) Addr() string { return l.acceptor.port.addr }

// SetDelay sets the round-trip delay. Half of it is spent on each way.
func (l *Link) SetDelay(roundTrip time.Duration) {
	for _, line := range l.lines {
		line.delay.Store(int64(roundTrip / 2))
	}
}

// SetRate sets how many bytes per second pass each way; 0 is no limit.
func (l *Link) SetRate(bytesPerSecond int64) {
	for _, line := range l.lines {
		line.rate.Store(bytesPerSecond)
	}
}

// Connections returns how many connections were accepted so far.
func (l *Link) Connections() int { return int(l.acceptor.made.Load()) }

// Bytes returns how many bytes were delivered in a direction so far.
func (l *Link) Bytes(d Direction) int64 { return l.lines[d].carried.Load() }

// Stall makes the line silent, in the directions named or in both. Nothing is
// lost: data on its way is held, connections stay, and new ones are accepted
// but lead nowhere.
func (l *Link) Stall(directions ...Direction) {
	if len(directions) == 0 {
		directions = []Direction{Up, Down}
	}
	for _, d := range directions {
		l.lines[d].stall()
	}
}

// Resume ends Stall in both directions: what was held is delivered.
func (l *Link) Resume() {
	for _, line := range l.lines {
		line.resume()
	}
}

// Cut resets all connections (RST to both ends). Data on its way is lost. New
// connections are accepted.
func (l *Link) Cut() { l.acceptor.cut() }

// CloseFIN closes all connections in order (FIN to both ends), as a host does
// that shuts down. Data on its way is lost all the same.
func (l *Link) CloseFIN() {
	for _, p := range l.acceptor.current() {
		p.(*linkConn).hangUp()
	}
}

// Refuse makes new connections fail with ECONNREFUSED. Those that stand are
// not touched.
func (l *Link) Refuse() { l.acceptor.refuse() }

// Accept ends Refuse.
func (l *Link) Accept() error { return l.acceptor.accept() }

// Close cuts all connections and waits for all goroutines of the Link.
func (l *Link) Close() { l.acceptor.close() }
