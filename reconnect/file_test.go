package reconnect

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

const readWrite = sftpconn.Read | sftpconn.Write

// mount is a server with what makeDir makes, an FS on it, and "file" open.
type mount struct {
	t      *testing.T
	ctx    context.Context
	dir    string
	server *sftptest.Server
	fs     *FS
	h      sftpconn.File
}

func newMount(t *testing.T, flags sftpconn.OpenFlags, opts Options) *mount {
	t.Helper()
	m := &mount{t: t, ctx: testContext(t), dir: makeDir(t)}
	m.server = sftptest.NewServer(t, sftptest.Options{Dir: m.dir, OpenSSH: true})
	m.fs = dialServer(t, m.server, opts)
	m.h = m.open("file", flags)
	return m
}

func (m *mount) open(name string, flags sftpconn.OpenFlags) sftpconn.File {
	m.t.Helper()
	h, _, err := m.fs.Open(m.ctx, m.dir+"/"+name, flags, 0o644)
	require.NoError(m.t, err)
	return h
}

func (m *mount) drop() { m.t.Helper(); drop(m.t, m.server, m.fs) }

// stop is drop by a server that does not come back by itself.
func (m *mount) stop() {
	m.t.Helper()
	m.server.Stop()
	require.Eventually(m.t, func() bool { return m.fs.Status().State != Up }, testTimeout, time.Millisecond)
}

func (m *mount) read(h sftpconn.File) (string, error) {
	buf := make([]byte, 100)
	n, err := h.ReadAt(m.ctx, buf, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return string(buf[:n]), err
}

func (m *mount) requireRead(want string) {
	m.t.Helper()
	got, err := m.read(m.h)
	require.NoError(m.t, err)
	require.Equal(m.t, want, got)
}

func (m *mount) requireStale() {
	m.t.Helper()
	for range 2 {
		_, err := m.read(m.h)
		require.ErrorIs(m.t, err, syscall.ESTALE)
	}
	require.ErrorIs(m.t, m.h.Write([]byte("x"), 0).Wait(m.ctx), syscall.ESTALE)
	require.NoError(m.t, m.h.Close(m.ctx))
}

func TestReopenOnceForManyReaders(t *testing.T) {
	m := newMount(t, sftpconn.Read, Options{})
	m.drop()
	opens := m.server.Requests()["OPEN"]
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			got, err := m.read(m.h)
			assert.NoError(t, err)
			assert.Equal(t, "0123456789", got)
		})
	}
	wg.Wait()
	assert.Equal(t, opens+1, m.server.Requests()["OPEN"])
}

func TestReopenGoesOnWithoutItsFirstCaller(t *testing.T) {
	m := newMount(t, sftpconn.Read, Options{})
	m.drop()
	m.server.SetFault(sftptest.Once("OPEN", sftptest.Verdict{Delay: 300 * time.Millisecond}))
	ctx, cancel := context.WithTimeout(m.ctx, 100*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := m.h.ReadAt(ctx, make([]byte, 1), 0)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
	time.Sleep(20 * time.Millisecond)
	m.requireRead("0123456789")
	wg.Wait()
}

func TestFileGone(t *testing.T) {
	m := newMount(t, readWrite, Options{})
	m.drop()
	require.NoError(t, os.Remove(m.dir+"/file"))
	m.requireStale()
}

func TestFileBecameDirectory(t *testing.T) {
	for _, flags := range []sftpconn.OpenFlags{sftpconn.Read, readWrite, sftpconn.Write} {
		m := newMount(t, flags, Options{})
		m.drop()
		require.NoError(t, os.Remove(m.dir+"/file"))
		require.NoError(t, os.Mkdir(m.dir+"/file", 0o755))
		m.requireStale()
	}
}

// While a file is opened again it may be moved, and its name be given to something
// that cannot be opened: it is looked for where it is then.
func TestFileMovedWhileItIsReopened(t *testing.T) {
	m := newMount(t, readWrite, Options{})
	m.drop()
	var ready, moved atomic.Bool
	m.server.SetFault(func(r sftptest.Request) sftptest.Verdict {
		if r.Type != "OPEN" || r.Channel == 1 {
			return sftptest.Verdict{}
		}
		// Names are changed over another channel than files are opened on.
		if ready.Swap(true) && !moved.Swap(true) {
			assert.NoError(t, m.fs.Rename(m.ctx, m.dir+"/file", m.dir+"/moved", true))
			_, err := m.fs.Mkdir(m.ctx, m.dir+"/file", 0o755)
			assert.NoError(t, err)
		}
		return sftptest.Verdict{}
	})
	for !ready.Load() {
		require.NoError(t, m.open("other", sftpconn.Write).Close(m.ctx))
	}
	require.NoError(t, m.h.Write([]byte("xy"), 0).Wait(m.ctx))
	assert.True(t, moved.Load())
	checkFile(t, m.dir+"/moved", "xy23456789", 0o644)
}

func TestFileMoved(t *testing.T) {
	m := newMount(t, readWrite, Options{})
	require.NoError(t, m.fs.Rename(m.ctx, m.dir+"/file", m.dir+"/dir/file", true))
	require.NoError(t, m.fs.Rename(m.ctx, m.dir+"/dir", m.dir+"/moved", true))
	m.drop()
	require.NoError(t, m.h.Write([]byte("xy"), 0).Wait(m.ctx))
	checkFile(t, m.dir+"/moved/file", "xy23456789", 0o644)
}

func TestFileReplaced(t *testing.T) {
	m := newMount(t, readWrite, Options{})
	require.NoError(t, m.fs.Rename(m.ctx, m.dir+"/other", m.dir+"/file", true))
	m.requireRead("0123456789")
	m.drop()
	m.requireStale()
	checkFile(t, m.dir+"/file", "", 0o600)
}

func TestFileRemoved(t *testing.T) {
	m := newMount(t, readWrite, Options{})
	require.NoError(t, m.fs.Remove(m.ctx, m.dir+"/file"))
	m.requireRead("0123456789")
	m.drop()
	require.NoError(t, os.WriteFile(m.dir+"/file", []byte("another"), 0o644))
	m.requireStale()
	checkFile(t, m.dir+"/file", "another", 0o644)
}

// The reply to a rename is lost, so nobody knows where the file is until the
// rename was repeated.
func TestFileUsedWhileRenameIsReplayed(t *testing.T) {
	m := newMount(t, readWrite, Options{})
	once := sftptest.Once("posix-rename@openssh.com", sftptest.Verdict{Drop: sftptest.DropAfter})
	m.server.SetFault(func(r sftptest.Request) sftptest.Verdict {
		v := once(r)
		if v.Drop == sftptest.NoDrop && r.Type == "posix-rename@openssh.com" {
			v.Delay = 200 * time.Millisecond
		}
		return v
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		assert.NoError(t, m.fs.Rename(m.ctx, m.dir+"/file", m.dir+"/new", true))
	})
	require.Eventually(t, func() bool { return m.fs.Status().Connection == 2 }, testTimeout, time.Millisecond)
	m.requireRead("0123456789")
	wg.Wait()
}

func TestOnReopenTellsOfChanges(t *testing.T) {
	var told atomic.Int32
	var path atomic.Value
	m := newMount(t, sftpconn.Read, Options{OnReopen: func(p string) {
		told.Add(1)
		path.Store(p)
	}})
	m.drop()
	m.requireRead("0123456789")
	assert.Zero(t, told.Load(), "nothing has changed")
	m.drop()
	require.NoError(t, os.WriteFile(m.dir+"/file", []byte("other content"), 0o644))
	m.requireRead("other content")
	assert.EqualValues(t, 1, told.Load())
	assert.Equal(t, m.dir+"/file", path.Load())
}

// The owner of a file may have it open although its mode forbids opening it.
func TestReopenOfReadOnlyFile(t *testing.T) {
	m := newMount(t, readWrite, Options{})
	require.NoError(t, os.Chmod(m.dir+"/file", 0o444))
	m.drop()
	m.server.SetFault(func(r sftptest.Request) sftptest.Verdict {
		info, err := os.Stat(m.dir + "/file")
		if r.Type == "OPEN" && err == nil && info.Mode()&0o200 == 0 { // as if the server were not run by root
			return sftptest.Verdict{Status: sftpconn.StatusPermissionDenied}
		}
		return sftptest.Verdict{}
	})
	require.NoError(t, m.h.Write([]byte("xy"), 0).Wait(m.ctx))
	checkFile(t, m.dir+"/file", "xy23456789", 0o444)
}

func TestReopenRefused(t *testing.T) {
	m := newMount(t, readWrite, Options{})
	m.drop()
	m.server.SetFault(sftptest.Once("OPEN", sftptest.Verdict{Status: sftpconn.StatusPermissionDenied}))
	write := m.h.Write([]byte("xy"), 0)
	require.ErrorIs(t, write.Wait(m.ctx), os.ErrPermission)
	require.ErrorIs(t, m.h.Flush(m.ctx), os.ErrPermission)
	require.NoError(t, m.h.Flush(m.ctx), "reported once")
	m.requireRead("0123456789")
}

func TestWritesWhileDown(t *testing.T) {
	m := newMount(t, readWrite, Options{})
	m.stop()
	first := m.h.Write([]byte("aaaa"), 0)
	m.h.Write([]byte("bb"), 1)
	m.h.SetAttr(sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrSize, Size: 6}})
	last := m.h.Write([]byte("c"), 2)

	interrupt := make(chan struct{})
	close(interrupt)
	interrupted := sftpconn.WithInterrupt(m.ctx, interrupt)
	require.ErrorIs(t, first.Wait(interrupted), syscall.EINTR)
	require.NoError(t, m.server.Start())
	require.Eventually(t, func() bool { return m.fs.Status().State == Up }, testTimeout, time.Millisecond)
	require.NoError(t, last.Wait(interrupted), "Wait may be called again")
	require.NoError(t, first.Wait(m.ctx))
	require.NoError(t, m.h.Flush(m.ctx))
	checkFile(t, m.dir+"/file", "abca45", 0o644)
}

// What somebody was told is lost does not arrive after all, over what was written
// since.
func TestLostWritesStayLost(t *testing.T) {
	m := newMount(t, readWrite, Options{Timeout: 100 * time.Millisecond})
	other := m.open("file", readWrite)
	m.stop()
	lost := m.h.Write([]byte("aaaa"), 0)
	m.h.SetAttr(sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrSize, Size: 6}})
	require.ErrorIs(t, lost.Wait(m.ctx), syscall.ETIMEDOUT)
	require.ErrorIs(t, m.h.Flush(m.ctx), syscall.ETIMEDOUT)

	require.NoError(t, m.server.Start())
	require.Eventually(t, func() bool { return m.fs.Status().State == Up }, testTimeout, time.Millisecond)
	require.NoError(t, other.Write([]byte("bb"), 0).Wait(m.ctx))
	m.requireRead("bb23456789")
	require.NoError(t, m.h.Write([]byte("c"), 9).Wait(m.ctx))
	require.NoError(t, m.h.Flush(m.ctx), "reported once")
	require.ErrorIs(t, lost.Wait(m.ctx), syscall.ETIMEDOUT)
	checkFile(t, m.dir+"/file", "bb2345678c", 0o644)
}

// What was acknowledged before a drop needs no connection to be told.
func TestAcknowledgedBeforeDrop(t *testing.T) {
	m := newMount(t, readWrite, Options{})
	write := m.h.Write([]byte("xy"), 0)
	m.requireRead("xy23456789") // answered after the write, as requests are in order
	m.stop()
	require.NoError(t, write.Wait(m.ctx))
	require.NoError(t, m.h.Flush(m.ctx))
}

// A write that was acknowledged before the drop is not repeated over a later one.
func TestAcknowledgedIsNotRepeated(t *testing.T) {
	m := newMount(t, readWrite, Options{})
	m.h.Write([]byte("aa"), 0)
	m.requireRead("aa23456789")
	other := m.open("file", readWrite)
	require.NoError(t, other.Write([]byte("bb"), 0).Wait(m.ctx))
	m.drop()
	m.requireRead("bb23456789")
}

func TestCloseOfFileWhileDown(t *testing.T) {
	m := newMount(t, readWrite, Options{Hard: true})
	m.stop()
	write := m.h.Write([]byte("xy"), 0)
	begin := time.Now()
	require.NoError(t, m.h.Close(m.ctx))
	require.NoError(t, m.h.Close(m.ctx))
	require.Error(t, write.Wait(m.ctx))
	_, err := m.read(m.h)
	require.Error(t, err)
	assert.Less(t, time.Since(begin), 5*time.Second)
}

func TestFlushReportsOnce(t *testing.T) {
	m := newMount(t, readWrite, Options{})
	m.server.SetFault(sftptest.Once("WRITE", sftptest.Verdict{Status: sftpconn.StatusFailure}))
	m.h.Write([]byte("xy"), 0)
	m.h.Write([]byte("z"), 2)
	var status *sftpconn.StatusError
	require.ErrorAs(t, m.h.Flush(m.ctx), &status)
	require.NoError(t, m.h.Flush(m.ctx))
	checkFile(t, m.dir+"/file", "01z3456789", 0o644)
}

func TestFilesAreForgottenWhenClosed(t *testing.T) {
	m := newMount(t, readWrite, Options{})
	require.NoError(t, m.h.Close(m.ctx))
	assert.Empty(t, m.fs.open.places)
	assert.Empty(t, m.fs.open.changes)
}
