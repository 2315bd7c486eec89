package sftptest

import (
	"io"
	"maps"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// Options say what a [Server] is like. The zero value is a server that lets
// anybody in.
type Options struct {
	// Dir is where relative remote paths start; a new temporary directory if
	// empty. The whole file system of this machine is served, by absolute
	// paths, with the rights of this process.
	Dir string

	// OpenSSH executes requests with OpenSSH's sftp-server program in place
	// of github.com/pkg/sftp. The test is skipped where it is not installed.
	OpenSSH bool

	// Users may log in; anybody may, without authentication, if there are
	// none.
	Users []User
}

// Server is an SSH server on loopback with the sftp subsystem. Each request
// passes a [Fault], if one is set.
type Server struct {
	dir        string
	sftpServer string // OpenSSH's program, if it is used
	hostKey    ssh.Signer
	config     *ssh.ServerConfig
	acceptor   *acceptor

	mu       sync.Mutex
	fault    Fault
	requests map[string]int
}

// NewServer starts a server. It is closed when t ends.
func NewServer(t testing.TB, options Options) *Server {
	t.Helper()
	s := &Server{
		dir:      options.Dir,
		config:   &ssh.ServerConfig{},
		requests: make(map[string]int),
	}
	if options.OpenSSH {
		s.sftpServer = needSFTPServer(t)
	}
	if s.dir == "" {
		s.dir = t.TempDir()
	}
	var err error
	s.hostKey, err = newKey()
	require.NoError(t, err)
	s.config.AddHostKey(s.hostKey)
	allow(s.config, options.Users)
	s.acceptor, err = newAcceptor(func(conn *net.TCPConn, number int) peer {
		return newServerConn(s, conn, number)
	})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	require.NoError(t, s.Start())
	return s
}

// Addr returns the address to connect to, a host:port. It stays the same when
// the server is stopped and started.
func (s *Server) Addr() string { return s.acceptor.port.addr }

// Dir returns where relative remote paths start, as an absolute path on this
// machine and on the server.
func (s *Server) Dir() string { return s.dir }

// HostKey returns the server's key, an Ed25519 key that is new.
func (s *Server) HostKey() ssh.PublicKey { return s.hostKey.PublicKey() }

// SetFault makes f judge all requests from now on; nil lets them pass.
func (s *Server) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Requests returns how many requests of each Request.Type were received so far,
// those included that a Fault kept from being executed.
func (s *Server) Requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.requests)
}

// Connections returns how many TCP connections were accepted so far.
func (s *Server) Connections() int { return int(s.acceptor.made.Load()) }

// Drop resets all connections (RST). New ones are accepted.
func (s *Server) Drop() { s.acceptor.cut() }

// Stop resets all connections and refuses new ones.
func (s *Server) Stop() {
	s.acceptor.refuse()
	s.acceptor.cut()
}

// Start ends Stop. The counts go on.
func (s *Server) Start() error { return s.acceptor.accept() }

// Close stops the server for good and waits for all its goroutines and
// processes.
func (s *Server) Close() { s.acceptor.close() }

// judge counts a request and asks the fault about it.
func (s *Server) judge(r Request) Verdict {
	s.mu.Lock()
	s.requests[r.Type]++
	fault := s.fault
	s.mu.Unlock()
	if fault == nil {
		return Verdict{}
	}
	return fault(r)
}

func (s *Server) startBackend() (io.ReadWriteCloser, error) {
	if s.sftpServer != "" {
		return startProcess(s.sftpServer, s.dir)
	}
	return startInProcess()
}
