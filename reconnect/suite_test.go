package reconnect

import (
	"strings"
	"sync/atomic"
	"testing"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

func TestFSOverOpenSSH(t *testing.T) {
	testFS(t, sftptest.Options{OpenSSH: true}, noDrops, nil)
}

func TestFSOverPkgSFTP(t *testing.T) {
	testFS(t, sftptest.Options{}, noDrops, sftptest.PkgSFTPLacks())
}

// TestFSUnderDrops passes the suite while connections are dropped.
func TestFSUnderDrops(t *testing.T) {
	testFS(t, sftptest.Options{OpenSSH: true}, someDrops, nil)
}

func noDrops(*testing.T) sftptest.Fault { return nil }

// someDrops drops the connection before every tenth request of those that are
// sent while no other is under way: an OPEN might be among the others, and
// whether an exclusive one was carried out cannot be told. It stops when a name
// is removed or replaced, since an open file may be nowhere then.
func someDrops(t *testing.T) sftptest.Fault {
	const maxDrops = 5
	if strings.Contains(t.Name(), "/Concurrent/") {
		return nil
	}
	var requests, drops atomic.Int64
	return func(r sftptest.Request) (v sftptest.Verdict) {
		switch r.Type {
		case "REMOVE", "RMDIR", "RENAME", "posix-rename@openssh.com":
			drops.Store(maxDrops)
		case "LSTAT", "SETSTAT", "MKDIR", "SYMLINK", "READLINK", "REALPATH", "OPENDIR", "WRITE",
			"hardlink@openssh.com", "lsetstat@openssh.com", "statvfs@openssh.com", "fsync@openssh.com":
			if requests.Add(1)%10 == 0 && drops.Add(1) <= maxDrops {
				v.Drop = sftptest.DropBefore
			}
		}
		return v
	}
}

func testFS(t *testing.T, server sftptest.Options, fault func(*testing.T) sftptest.Fault, lacks sftptest.Lacks) {
	sftptest.TestFS(t, func(t *testing.T) (sftpconn.FS, string) {
		options := server
		options.Dir = t.TempDir()
		s := sftptest.NewServer(t, options)
		s.SetFault(fault(t))
		return dialServer(t, s, Options{}), s.Dir()
	}, lacks)
}
