package sftptest

import (
	"net"
	"sync"
	"sync/atomic"
)

// peer is an accepted connection.
type peer interface {
	// run serves the connection until it ends.
	run()
	// cut resets it (RST) and makes run return.
	cut()
}

// acceptor accepts connections on a port of its own, which can refuse them for
// a while, and owns what it accepted.
type acceptor struct {
	port *port
	open func(conn *net.TCPConn, number int) peer
	made atomic.Int64 // connections accepted
	wg   sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	listener net.Listener // nil while connections are refused
	peers    map[peer]struct{}
}

// newAcceptor returns an acceptor that still refuses connections.
func newAcceptor(open func(conn *net.TCPConn, number int) peer) (*acceptor, error) {
	port, err := reservePort()
	if err != nil {
		return nil, err
	}
	return &acceptor{port: port, open: open, peers: make(map[peer]struct{})}, nil
}

func (a *acceptor) accept() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return net.ErrClosed
	}
	if a.listener != nil {
		return nil
	}
	listener, err := a.port.listen()
	if err != nil {
		return err
	}
	a.listener = listener
	a.wg.Go(func() { a.loop(listener) })
	return nil
}

func (a *acceptor) refuse() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.listener != nil {
		_ = a.listener.Close()
		a.listener = nil
	}
}

func (a *acceptor) loop(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		p := a.open(conn.(*net.TCPConn), int(a.made.Add(1)))
		if !a.add(p) {
			p.cut()
			return
		}
		a.wg.Go(func() {
			defer a.remove(p)
			p.run()
		})
	}
}

func (a *acceptor) add(p peer) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.peers[p] = struct{}{}
	return true
}

func (a *acceptor) remove(p peer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.peers, p)
}

func (a *acceptor) current() []peer {
	a.mu.Lock()
	defer a.mu.Unlock()
	peers := make([]peer, 0, len(a.peers))
	for p := range a.peers {
		peers = append(peers, p)
	}
	return peers
}

func (a *acceptor) cut() {
	for _, p := range a.current() {
		p.cut()
	}
}

// close ends everything and waits for it.
func (a *acceptor) close() {
	a.refuse()
	a.mu.Lock()
	wasClosed := a.closed
	a.closed = true
	a.mu.Unlock()
	a.cut()
	a.wg.Wait()
	if !wasClosed {
		a.port.close()
	}
}
