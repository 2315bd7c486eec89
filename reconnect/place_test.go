package reconnect

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// opener calls before and after around each Open, where they are set.
type opener struct {
	sftpconn.Session
	before, after *func()
}

func (o opener) Open(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
	call := func(hook *func()) {
		if do := *hook; do != nil {
			*hook = nil
			do()
		}
	}
	call(o.before)
	defer call(o.after)
	return o.Session.Open(ctx, path, flags, mode)
}

// newHookedMount is newMount without an open file, with an opener in between.
func newHookedMount(t *testing.T, before, after *func()) *mount {
	t.Helper()
	m := &mount{t: t, ctx: testContext(t), dir: makeDir(t)}
	m.server = sftptest.NewServer(t, sftptest.Options{Dir: m.dir, OpenSSH: true})
	dial := dialer(m.server.Addr())
	var err error
	m.fs, err = New(m.ctx, func(ctx context.Context) (sftpconn.Session, error) {
		session, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return opener{session, before, after}, nil
	}, quick(Options{}))
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.fs.Close() })
	return m
}

// Another file gets the name just before the file is opened again: it is not
// taken for the one that was open.
func TestFileReplacedWhileReopened(t *testing.T) {
	var before, after func()
	m := newHookedMount(t, &before, &after)
	m.h = m.open("file", readWrite)
	m.drop()
	before = func() { assert.NoError(t, m.fs.Rename(m.ctx, m.dir+"/other", m.dir+"/file", true)) }
	m.requireStale()
}

// Another file gets the name while the file is opened for the first time.
func TestFileReplacedWhileOpened(t *testing.T) {
	var before, after func()
	m := newHookedMount(t, &before, &after)
	after = func() { assert.NoError(t, m.fs.Rename(m.ctx, m.dir+"/other", m.dir+"/file", true)) }
	m.h = m.open("file", readWrite)
	m.requireRead("0123456789")
	m.drop()
	m.requireStale()
}

// An open file is found again by another of its names when the first is gone.
func TestFileWithFurtherNames(t *testing.T) {
	m := newMount(t, readWrite, Options{})
	link := func(from, to string) {
		t.Helper()
		_, err := m.fs.Link(m.ctx, m.dir+"/"+from, m.dir+"/"+to)
		require.NoError(t, err)
	}
	rename := func(from, to string) {
		t.Helper()
		require.NoError(t, m.fs.Rename(m.ctx, m.dir+"/"+from, m.dir+"/"+to, true))
	}
	found := func() {
		t.Helper()
		m.drop()
		m.requireRead("0123456789")
	}
	link("file", "second")
	require.NoError(t, m.fs.Remove(m.ctx, m.dir+"/file"))
	found()
	link("second", "third")
	rename("third", "dir/third")
	rename("second", "other") // replaces another file
	found()
	rename("dir/third", "other") // which leaves both
	found()
	require.NoError(t, m.fs.Remove(m.ctx, m.dir+"/other"))
	found()
	require.NoError(t, m.fs.Remove(m.ctx, m.dir+"/dir/third"))
	m.drop()
	m.requireStale()
}
