package sshdial

import (
	"fmt"
	"net"
	"os"
	"os/exec"
)

// setProxyCommand fills in ProxyCommand. ProxyJump stands for one unless it is "none",
// and the first of them that ssh_config names counts.
func (c *Config) setProxyCommand(set settings, local localUser) {
	command := set.first("proxycommand")
	if !isNamed(set.first("proxyjump")) && isNamed(command) {
		c.ProxyCommand = c.tokens(local).Replace(command)
	}
}

// proxyConn is the program of a ProxyCommand, which speaks with the server.
type proxyConn struct {
	*process
	remote namedAddr
}

func (c *proxyConn) RemoteAddr() net.Addr { return c.remote }

// startProxy lets the user's shell become the program, as ssh does.
func (w *nativeWay) startProxy() (net.Conn, error) {
	shell := os.Getenv("SHELL")
	if shell == "" {
		shell = "/bin/sh"
	}
	cmd := deafToTerminal([]string{shell, "-c", "exec " + w.cfg.ProxyCommand})
	p, err := startProcess(w.start.of(cmd), w.log.With("program", "ProxyCommand"))
	if err != nil {
		return nil, permanent(fmt.Errorf("ProxyCommand %s: %w", w.cfg.ProxyCommand, err))
	}
	return &proxyConn{p, namedAddr(w.cfg.address())}, nil
}

// deafToTerminal runs a program that may ask on the terminal, but whose keys and
// hang-up are this program's to answer: they must not take the connection away
// while it still sends what was written.
func deafToTerminal(argv []string) *exec.Cmd {
	return exec.Command("/bin/sh", append([]string{"-c", `trap "" INT QUIT HUP; exec "$0" "$@"`}, argv...)...)
}
