package cache_test

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sftpmount/cache"
	"sftpmount/sftpconn"
)

// Random changes of a tree, answered before they are made, are answered as a
// local directory does, and lead to the same tree.
func TestTreeModel(t *testing.T) {
	t.Parallel()
	t.Logf("-seed=%d", *seed)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	fsys, root, link := newFar(t, cache.Options{AsyncClose: true})
	link.SetDelay(time.Millisecond)
	m := &treeModel{T: t, ctx: ctx, fs: fsys, root: root, want: t.TempDir(), random: rand.New(rand.NewPCG(*seed, 1))}
	for begin := time.Now(); time.Since(begin) < 3*time.Second; {
		m.step()
		if m.random.IntN(200) == 0 {
			m.compare()
		}
	}
	if m.open != nil {
		require.NoError(t, m.open.remote.Close(ctx))
		require.NoError(t, m.open.local.Close())
	}
	m.compare()
	t.Logf("%d changes", m.changes)
}

type treeModel struct {
	*testing.T
	ctx     context.Context
	fs      *cache.FS
	root    string // on the server
	want    string // the local directory
	random  *rand.Rand
	open    *opened
	changes int
	log     []string
}

// name returns the path of something that may be there.
func (m *treeModel) name() string {
	var path strings.Builder
	for range 1 + m.random.IntN(3) {
		path.WriteString("/" + string(rune('a'+m.random.IntN(3))))
	}
	return path.String()
}

// agree checks that both succeed or fail.
func (m *treeModel) agree(what string, got, want error) bool {
	m.changes++
	m.log = append(m.log, fmt.Sprintf("%s: %v", what, want))
	if (got == nil) != (want == nil) {
		m.Fatalf("%s: got %v, want %v, after\n%s", what, got, want, strings.Join(m.log[max(0, len(m.log)-40):], "\n"))
	}
	return want == nil
}

func (m *treeModel) step() {
	path, other := m.name(), m.name()
	remote, local := m.root+path, m.want+path
	switch m.random.IntN(18) {
	case 0, 1, 2:
		_, err := m.fs.Mkdir(m.ctx, remote, 0o755)
		m.agree("mkdir "+path, err, os.Mkdir(local, 0o755))
	case 3, 4, 5:
		m.write(path)
	case 6:
		if info, err := os.Lstat(local); err != nil || !info.IsDir() { // os.Remove takes both
			m.agree("remove "+path, m.fs.Remove(m.ctx, remote), os.Remove(local))
		}
	case 7:
		if info, err := os.Lstat(local); err == nil && info.IsDir() {
			m.agree("rmdir "+path, m.fs.Rmdir(m.ctx, remote), os.Remove(local))
		}
	case 8, 9:
		m.agree("rename "+path+" "+other, m.fs.Rename(m.ctx, remote, m.root+other, true), syscall.Rename(local, m.want+other))
	case 10:
		mode := fs.FileMode(0o700 + m.random.IntN(64))
		_, err := m.fs.SetAttr(m.ctx, remote, sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrMode, Mode: uint32(mode)}})
		if _, wantErr := os.Lstat(local); m.agree("chmod "+path, err, wantErr) {
			require.NoError(m, os.Chmod(local, mode))
		}
	case 11:
		attr, err := m.fs.Lstat(m.ctx, remote)
		info, wantErr := os.Lstat(local)
		if m.agree("stat "+path, err, wantErr) {
			m.sameInfo(path, attr, info)
		}
	case 12, 13:
		m.list(filepath.Dir(path))
	case 14, 15:
		if info, err := os.Lstat(local); err == nil && info.Mode().IsRegular() {
			_, err := m.fs.Link(m.ctx, remote, m.root+other)
			m.agree("link "+path+" "+other, err, os.Link(local, m.want+other))
		}
	case 16, 17:
		m.writeMore(path)
	}
}

// opened is a file that stays open while other things happen to it.
type opened struct {
	path   string
	remote sftpconn.File
	local  *os.File
}

// writeMore writes to a file that was left open, and leaves another one open.
func (m *treeModel) writeMore(path string) {
	if o := m.open; o != nil {
		data := []byte(strings.Repeat(o.path, m.random.IntN(1000)))
		off := int64(m.random.IntN(2000))
		m.log = append(m.log, fmt.Sprintf("write %d bytes at %d to the open file %s", len(data), off, o.path))
		_, err := o.local.WriteAt(data, off)
		require.NoError(m, err)
		require.NoError(m, o.remote.Write(data, off).Wait(m.ctx))
		info, err := o.local.Stat()
		require.NoError(m, err)
		attr, err := o.remote.Attr(m.ctx)
		require.NoError(m, err)
		m.sameInfo(o.path, attr, info)
		if m.random.IntN(3) > 0 {
			return
		}
		m.log = append(m.log, "close "+o.path)
		require.NoError(m, o.local.Close())
		require.NoError(m, o.remote.Flush(m.ctx))
		require.NoError(m, o.remote.Close(m.ctx))
	}
	m.open = nil
	remote, _, err := m.fs.Open(m.ctx, m.root+path, sftpconn.Write, 0)
	local, wantErr := os.OpenFile(m.want+path, os.O_WRONLY, 0)
	if m.agree("open "+path, err, wantErr) {
		m.open = &opened{path, remote, local}
	}
}

func (m *treeModel) list(path string) {
	got, err := m.fs.ReadDir(m.ctx, filepath.Join(m.root, path))
	want, wantErr := os.ReadDir(m.want + path)
	if m.agree("list "+path, err, wantErr) {
		names, wantNames := []string{}, []string{}
		for _, e := range got {
			names = append(names, e.Name)
		}
		for _, e := range want {
			wantNames = append(wantNames, e.Name())
		}
		require.ElementsMatch(m, wantNames, names, "%s after\n%s", path, strings.Join(m.log[max(0, len(m.log)-40):], "\n"))
	}
}

func (m *treeModel) write(path string) {
	data := strings.Repeat(path, m.random.IntN(1000))
	flags, osFlags := sftpconn.Write|sftpconn.Create, os.O_WRONLY|os.O_CREATE
	switch m.random.IntN(3) {
	case 0:
		flags, osFlags = flags|sftpconn.Excl, osFlags|os.O_EXCL
	case 1:
		flags, osFlags = flags|sftpconn.Truncate, osFlags|os.O_TRUNC
	}
	f, _, err := m.fs.Open(m.ctx, m.root+path, flags, 0o644)
	local, wantErr := os.OpenFile(m.want+path, osFlags, 0o644)
	if !m.agree(fmt.Sprintf("write %s %#x", path, flags), err, wantErr) {
		return
	}
	_, err = local.WriteString(data)
	require.NoError(m, err)
	require.NoError(m, local.Close())
	require.NoError(m, f.Write([]byte(data), 0).Wait(m.ctx))
	require.NoError(m, f.Flush(m.ctx))
	require.NoError(m, f.Close(m.ctx))
}

func (m *treeModel) sameInfo(path string, attr sftpconn.Attr, info fs.FileInfo) {
	log := strings.Join(m.log[max(0, len(m.log)-40):], "\n")
	require.Equal(m, info.IsDir(), attr.IsDir(), "%s after\n%s", path, log)
	require.EqualValues(m, info.Mode().Perm(), attr.Mode&0o777, "%s after\n%s", path, log)
	if !info.IsDir() {
		require.EqualValues(m, info.Size(), attr.Size, "%s after\n%s", path, log)
	}
}

// compare has all made, and compares the server's disk with the local one.
func (m *treeModel) compare() {
	require.NoError(m, m.fs.SyncDir(m.ctx, "/"))
	require.Equal(m, m.contents(m.want), m.contents(m.root), strings.Join(m.log[max(0, len(m.log)-60):], "\n"))
}

func (m *treeModel) contents(dir string) map[string]string {
	all := map[string]string{}
	require.NoError(m, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content := info.Mode().String()
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content += fmt.Sprintf(" %d %.20q", len(data), data)
		}
		all[path[len(dir):]] = content
		return nil
	}))
	return all
}
