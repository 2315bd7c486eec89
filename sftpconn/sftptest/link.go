package sftptest

import (
	"net"
	"sync"
	"sync/atomic"
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
	target string
	port   *port
	lines  [2]*line
	made   atomic.Int64
	wg     sync.WaitGroup // run by Link; each of its goroutines ends with its socket

	mu       sync.Mutex
	closed   bool
	listener net.Listener // nil while connections are refused
	conns    map[*linkConn]struct{}
}

// NewLink returns a Link to target, a host:port. It is closed when t ends.
func NewLink(t testing.TB, target string) *Link {
	t.Helper()
	p, err := reservePort()
	require.NoError(t, err)
	l := &Link{
		target: target,
		port:   p,
		lines:  [2]*line{newLine(), newLine()},
		conns:  make(map[*linkConn]struct{}),
	}
	t.Cleanup(l.Close)
	require.NoError(t, l.Accept())
	return l
}

// Addr returns the address to connect to, a host:port.
func (l *Link) Addr() string { return l.port.addr }

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
func (l *Link) Connections() int { return int(l.made.Load()) }

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
func (l *Link) Cut() {
	for _, c := range l.current() {
		c.cut()
	}
}

// CloseFIN closes all connections in order (FIN to both ends), as a host does
// that shuts down. Data on its way is lost all the same.
func (l *Link) CloseFIN() {
	for _, c := range l.current() {
		c.hangUp()
	}
}

// Refuse makes new connections fail with ECONNREFUSED. Those that stand are
// not touched.
func (l *Link) Refuse() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listener != nil {
		_ = l.listener.Close()
		l.listener = nil
	}
}

// Accept ends Refuse.
func (l *Link) Accept() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.listener != nil {
		return nil
	}
	listener, err := l.port.listen()
	if err != nil {
		return err
	}
	l.listener = listener
	l.wg.Go(func() { l.serve(listener) })
	return nil
}

// Close cuts all connections and waits for all goroutines of the Link.
func (l *Link) Close() {
	l.Refuse()
	l.mu.Lock()
	wasClosed := l.closed
	l.closed = true
	l.mu.Unlock()
	l.Cut()
	l.wg.Wait()
	if !wasClosed {
		l.port.close()
	}
}

func (l *Link) serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		c := newLinkConn(conn.(*net.TCPConn), l.lines)
		if !l.add(c) {
			c.cut()
			return
		}
		l.wg.Go(func() {
			defer l.remove(c)
			c.run(l.target)
		})
	}
}

func (l *Link) add(c *linkConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.made.Add(1)
	l.conns[c] = struct{}{}
	return true
}

func (l *Link) remove(c *linkConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

func (l *Link) current() []*linkConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	conns := make([]*linkConn, 0, len(l.conns))
	for c := range l.conns {
		conns = append(conns, c)
	}
	return conns
}
