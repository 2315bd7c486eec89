package sftptest

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
)

// sftpServerPaths are where distributions put OpenSSH's sftp-server.
var sftpServerPaths = []string{
	"/usr/lib/openssh/sftp-server",     // Debian
	"/usr/libexec/openssh/sftp-server", // Fedora
	"/usr/lib/ssh/sftp-server",         // Arch, SUSE
	"/usr/libexec/sftp-server",         // BSD
}

// needSFTPServer returns where OpenSSH's sftp-server is installed. It skips t if it
// is not.
func needSFTPServer(t testing.TB) string {
	t.Helper()
	for _, path := range sftpServerPaths {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Skip("OpenSSH's sftp-server (Debian: openssh-sftp-server) is not installed")
	return ""
}

// process is a running sftp-server, as the stream that it speaks on.
type process struct {
	cmd    *exec.Cmd
	in     *os.File // its standard input
	out    *os.File // its standard output
	closed sync.Once
}

// startProcess starts an sftp-server that resolves relative paths from dir and
// creates files with umask 022.
func startProcess(path, dir string) (*process, error) {
	childIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, childOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, childIn.Close(), in.Close())
	}
	p := &process{cmd: exec.Command(path, "-e", "-u", "022", "-d", dir), in: in, out: out}
	p.cmd.Stdin, p.cmd.Stdout = childIn, childOut
	err = p.cmd.Start()
	_ = childIn.Close()
	_ = childOut.Close()
	if err != nil {
		return nil, errors.Join(err, in.Close(), out.Close())
	}
	return p, nil
}

func (p *process) Read(b []byte) (int, error)  { return p.out.Read(b) }
func (p *process) Write(b []byte) (int, error) { return p.in.Write(b) }

// Close ends the process and waits for it. What it was reading is executed or
// not, as when sshd ends a session.
func (p *process) Close() error {
	p.closed.Do(func() {
		_ = p.in.Close()
		_ = p.out.Close()
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // its state, which says that it was killed
	})
	return nil
}

var _ io.ReadWriteCloser = (*process)(nil)
