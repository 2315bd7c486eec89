package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBigListing(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	shell(t, m.remote, "mkdir big; cd big; seq -f 'a file %g' 5000 | tr '\n' '\\0' | xargs -0 touch")
	const long = "ls -lA big | tail -n +2"
	sameText(t, shell(t, m.remote, long), shell(t, m.dir, long), long)
	run(t, m.dir, "touch", "big/one more")
	run(t, m.dir, "rm", "big/a file 77")
	want := shell(t, m.remote, "ls -U big | sort")
	sameText(t, want, shell(t, m.dir, "ls -U big | sort"), "names")
	assert.Equal(t, 5000, strings.Count(want, "\n"))
	shell(t, m.dir, "rm big/*9")
	assert.Equal(t, "4500\n", shell(t, m.remote, "ls big | wc -l"))
}

func TestDeepDirectories(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	deep := strings.Repeat("directory/", 100) + "end"
	run(t, m.dir, "mkdir", "-p", deep)
	m.write(deep+"/file", "down here")
	assert.Equal(t, "down here", m.serverFile(deep+"/file"))
	run(t, m.dir, "mv", "directory", "renamed")
	assert.Equal(t, "down here", m.mountFile(strings.Replace(deep, "directory", "renamed", 1)+"/file"))
	run(t, m.dir, "rm", "-r", "renamed")
	assert.NoDirExists(t, m.onServer("renamed"))
}

// A program that walks down gets deeper than a path can say at once, as on a
// local disk.
func TestBeyondPathMax(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	const walk = `name=$(printf 'd%.0s' $(seq 200)); for i in $(seq 30); do mkdir -p $name; cd $name; done; `
	shell(t, m.dir, walk+"echo down here > file; ln file link; mv link moved; ln -s file link; chmod 600 file; cat link moved; ls -l")
	assert.Equal(t, "down here\n", shell(t, m.remote, walk+"cat moved; test $(stat -c %h file) = 2"))
	const find = "find . -type f -printf '%f %s %m\n' | sort"
	assert.Equal(t, shell(t, m.remote, find), shell(t, m.dir, find))
	run(t, m.dir, "rm", "-r", strings.Repeat("d", 200))
	entries, err := os.ReadDir(m.remote)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestOddNames(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	names := []string{
		"new\nline", "tab\t", "'quotes\"", "back\\slash", "-dash", " space ", "*?[]{}$!;&|<>", "...", "~", "#",
		"not UTF-8 \xff\xfe\x80", "\x01\x1b[31m", "größe", "e\u0301", "\u00e9", "file:name@host", "a,b=c",
		strings.Repeat("n", 255), strings.Repeat("é", 127) + "x",
	}
	require.NoError(t, os.Mkdir(m.path("dir"), 0o755))
	for _, name := range names {
		m.write("dir/"+name, name)
	}
	for _, dir := range []string{m.onServer("dir"), m.path("dir")} {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		var found []string
		for _, entry := range entries {
			found = append(found, entry.Name())
			content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
			require.NoError(t, err)
			assert.Equal(t, entry.Name(), string(content))
		}
		assert.ElementsMatch(t, names, found)
	}
	for i, name := range names {
		other := fmt.Sprintf("dir/other %d", i)
		require.NoError(t, os.Symlink(name, m.path(other)))
		target, err := os.Readlink(m.path(other))
		require.NoError(t, err)
		assert.Equal(t, name, target)
		require.NoError(t, os.Remove(m.path(other)))
		require.NoError(t, os.Rename(m.path("dir/"+name), m.path(other)))
		assert.Equal(t, name, m.serverFile(other))
		require.NoError(t, os.Remove(m.path(other)))
	}
	require.NoError(t, os.Remove(m.path("dir")))
}

// The mounted directory's own name is as free as those below it.
func TestOddRoot(t *testing.T) {
	t.Parallel()
	remote := filepath.Join(t.TempDir(), "odd, name\\with: 'all' \"of\" it =ö")
	require.NoError(t, os.Mkdir(remote, 0o755))
	m := mountDir(t, startSSHD(t), remote)
	m.write("file", "here")
	assert.Equal(t, "here", m.serverFile("file"))
}

// Names in GBK on the server are names in UTF-8 on the mount, whoever made them.
func TestRemoteCharset(t *testing.T) {
	t.Parallel()
	s, remote := startSSHD(t), filepath.Join(t.TempDir(), "\xc4\xbf\xc2\xbc") // 目录
	require.NoError(t, os.Mkdir(remote, 0o755))
	for name, content := range map[string]string{"\xd6\xd0\xce\xc4.txt": "中文", "\xff\xfe": "no character", "plain": "ASCII"} {
		require.NoError(t, os.WriteFile(filepath.Join(remote, name), []byte(content), 0o644))
	}
	require.NoError(t, os.Symlink("\xd6\xd0\xce\xc4.txt", remote+"/link"))
	m := prepareMount(t, s.client(), remote)
	m.start("-o", "remote_charset=gbk", hostAlias+":"+filepath.Dir(remote)+"/目录", m.dir)

	assert.Equal(t, "link\nplain\n中文.txt\n\uf7ff\uf7fe\n", run(t, m.dir, "env", "LC_ALL=C.UTF-8", "ls", "-N"))
	assert.Equal(t, "中文中文no characterASCII", run(t, m.dir, "cat", "中文.txt", "link", "\uf7ff\uf7fe", "plain"))
	assert.Equal(t, "中文.txt\n", run(t, m.dir, "readlink", "link"))
	shell(t, m.dir, `
		mkdir -p 新/深; echo 内容 > 新/深/文件; ln -s 深/文件 新/链; mv 中文.txt 新/旧.txt; mv `+"\uf7ff\uf7fe"+` 新/
		find . -name '*文件' | grep -qx ./新/深/文件; [ "$(cat 新/链)" = 内容 ]
		! touch 😀 2>/dev/null; [ ! -e 😀 ]; rm plain link`)
	assert.Contains(t, shell(t, m.dir, "LC_ALL=C touch 😀 2>&1 || true"), "Invalid or incomplete multibyte")
	got := run(t, remote, "find", ".", "-mindepth", "1")
	want := []string{"./\xd0\xc2", "./\xd0\xc2/\xc9\xee", "./\xd0\xc2/\xc9\xee/\xce\xc4\xbc\xfe", "./\xd0\xc2/\xc1\xb4",
		"./\xd0\xc2/\xbe\xc9.txt", "./\xd0\xc2/\xff\xfe"}
	assert.ElementsMatch(t, want, strings.Fields(got))
	m.unmount()
}
