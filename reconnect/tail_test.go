package reconnect

import (
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// tamper drops the connection before the first WRITE is carried out, and
// appends something to the file first.
func (m *mount) tamper(something string) {
	var once sync.Once
	m.server.SetFault(func(r sftptest.Request) (v sftptest.Verdict) {
		if r.Type != "WRITE" {
			return v
		}
		once.Do(func() {
			file, err := os.OpenFile(m.dir+"/file", os.O_WRONLY|os.O_APPEND, 0)
			if assert.NoError(m.t, err) {
				_, err = file.WriteString(something)
				assert.NoError(m.t, err)
				assert.NoError(m.t, file.Close())
			}
			v.Drop = sftptest.DropBefore
		})
		return v
	})
}

func TestAppendPartlyDone(t *testing.T) {
	for _, flags := range []sftpconn.OpenFlags{sftpconn.Write | sftpconn.Append, readWrite | sftpconn.Append} {
		m := newMount(t, flags, Options{})
		require.NoError(t, m.h.Write([]byte("ab"), 0).Wait(m.ctx))
		m.tamper("cde")
		m.h.Write([]byte("cd"), 0)
		m.h.Write([]byte("efgh"), 0)
		require.NoError(t, m.h.Flush(m.ctx))
		checkFile(t, m.dir+"/file", "0123456789abcdefgh", 0o644)
	}
}

func TestAppendBesideAnother(t *testing.T) {
	for _, theirs := range []string{"xy", "a very long line"} {
		m := newMount(t, sftpconn.Write|sftpconn.Append, Options{})
		m.tamper(theirs)
		require.ErrorIs(t, m.h.Write([]byte("ab\n"), 0).Wait(m.ctx), syscall.EIO)
		require.ErrorIs(t, m.h.Flush(m.ctx), syscall.EIO)
		require.NoError(t, m.h.Flush(m.ctx), "reported once")
		require.NoError(t, m.h.Write([]byte("cd\n"), 0).Wait(m.ctx))
		checkFile(t, m.dir+"/file", "0123456789"+theirs+"cd\n", 0o644)
	}
}

// What others append through the same FS is known here.
func TestAppendByTurns(t *testing.T) {
	const appending = sftpconn.Write | sftpconn.Append
	m := newMount(t, appending, Options{})
	other := m.open("file", appending)
	for _, fault := range []sftptest.Drop{sftptest.DropBefore, sftptest.DropAfter} {
		require.NoError(t, other.Write([]byte("ab"), 0).Wait(m.ctx))
		m.server.SetFault(sftptest.Once("WRITE", sftptest.Verdict{Drop: fault}))
		require.NoError(t, m.h.Write([]byte("c"), 0).Wait(m.ctx))
	}
	third := m.open("file", appending)
	require.NoError(t, third.Write([]byte("d"), 0).Wait(m.ctx))
	checkFile(t, m.dir+"/file", "0123456789abcabcd", 0o644)
}

// An append that was never sent is sent, whoever else appended meanwhile.
func TestAppendWhileDown(t *testing.T) {
	m := newMount(t, sftpconn.Write|sftpconn.Append, Options{})
	m.stop()
	write := m.h.Write([]byte("ab"), 0)
	file, err := os.OpenFile(m.dir+"/file", os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = file.WriteString("xy")
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.NoError(t, m.server.Start())
	require.NoError(t, write.Wait(m.ctx))
	checkFile(t, m.dir+"/file", "0123456789xyab", 0o644)
}

// Asking for the attributes renews what is known of the end.
func TestAppendAfterTruncation(t *testing.T) {
	m := newMount(t, sftpconn.Write|sftpconn.Append, Options{})
	require.NoError(t, m.h.Write([]byte("ab"), 0).Wait(m.ctx))
	size := sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrSize, Size: 4}}
	require.NoError(t, m.h.SetAttr(size).Wait(m.ctx))
	_, err := m.h.Attr(m.ctx)
	require.NoError(t, err)
	m.server.SetFault(sftptest.Once("WRITE", sftptest.Verdict{Drop: sftptest.DropAfter}))
	require.NoError(t, m.h.Write([]byte("cd"), 0).Wait(m.ctx))
	checkFile(t, m.dir+"/file", "0123cd", 0o644)
}

// A server that ignores the flag writes where it is told: what is sent again must
// go to where the end is then.
func TestAppendToServerThatIgnoresIt(t *testing.T) {
	m := &mount{t: t, ctx: testContext(t), dir: makeDir(t)}
	m.server = sftptest.NewServer(t, sftptest.Options{Dir: m.dir})
	m.fs = dialServer(t, m.server, Options{})
	m.h = m.open("file", sftpconn.Write|sftpconn.Append)
	require.NoError(t, m.h.Write([]byte("ab"), 10).Wait(m.ctx))
	m.tamper("c") // so much of the next one has arrived
	m.h.Write([]byte("cd"), 12)
	m.h.Write([]byte("efgh"), 14)
	require.NoError(t, m.h.Flush(m.ctx))
	checkFile(t, m.dir+"/file", "0123456789abcdefgh", 0o644)
}
