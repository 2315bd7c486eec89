package sftptest

import (
	"os"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

var nameTests = map[string]func(*fixture){
	"OddNames":    testOddNames,
	"LongestName": testLongestName,
	"TooLongName": testTooLongName,
	"DeepPath":    testDeepPath,
}

// oddNames are names that a remote file system gets wrong if it takes them for
// text, for a pattern or for a command line.
var oddNames = []string{
	"\xff\xfe\x80\xc3",     // no UTF-8
	"\xc4\xe3\xba\xc3",     // GBK
	"\u4f60\u597d \u00e9",  // UTF-8
	"e\u0301",              // decomposed
	"new\nline\ttab\rback", // controls
	"\x01\x1b[31m\x7f",
	" leads and trails ",
	`quotes " ' ` + "`",
	`back\slash`,
	"-rf",
	"~",
	"...",
	".hidden",
	"*?[a-z]{b,c}",
	"$(HOME) ${x} %s %2F",
	"a;b|c&d>e<f",
	"host:path",
	"#file#",
}

func testOddNames(f *fixture) {
	for _, name := range oddNames {
		f.create(name, []byte(name))
		attr, err := f.fs.Mkdir(f.ctx, f.path(name+".dir"), 0o755)
		require.NoError(f, err, "%q", name)
		f.sameOnDisk(f.path(name+".dir"), attr, "%q", name)
		_, err = f.fs.Symlink(f.ctx, name, f.path(name+".link"))
		require.NoError(f, err, "%q", name)
	}
	onDisk, err := os.ReadDir(f.root)
	require.NoError(f, err)
	var want []string
	for _, entry := range onDisk {
		want = append(want, entry.Name())
	}
	assert.Len(f, want, 3*len(oddNames))
	assert.ElementsMatch(f, want, f.names(f.root))

	for _, name := range oddNames {
		f.contentOnDisk(f.path(name), []byte(name))
		target, err := f.fs.Readlink(f.ctx, f.path(name+".link"))
		require.NoError(f, err, "%q", name)
		assert.Equal(f, name, target)
		attr, err := f.fs.Stat(f.ctx, f.path(name+".link"))
		require.NoError(f, err, "%q", name)
		f.sameOnDisk(f.path(name), attr, "%q", name)
		require.NoError(f, f.fs.Remove(f.ctx, f.path(name+".link")), "%q", name)
		require.NoError(f, f.fs.Rmdir(f.ctx, f.path(name+".dir")), "%q", name)
		require.NoError(f, f.fs.Rename(f.ctx, f.path(name), f.path(name+".moved"), true), "%q", name)
		require.NoError(f, f.fs.Remove(f.ctx, f.path(name+".moved")), "%q", name)
	}
	assert.Empty(f, f.names(f.root))
}

func testLongestName(f *fixture) {
	for _, name := range []string{strings.Repeat("x", 255), strings.Repeat("\xe9", 255)} {
		path := f.create(name, nil)
		f.seenAsOnDisk(path)
		assert.Equal(f, []string{name}, f.names(f.root))
		require.NoError(f, f.fs.Remove(f.ctx, path))
	}
}

func testTooLongName(f *fixture) {
	path := f.path(strings.Repeat("x", 256))
	_, err := f.fs.Mkdir(f.ctx, path, 0o755)
	require.Error(f, err)
	_, _, err = f.fs.Open(f.ctx, path, sftpconn.Write|sftpconn.Create, 0o644)
	require.Error(f, err)
	assert.Empty(f, f.names(f.root))
}

func testDeepPath(f *fixture) {
	path := f.root
	for len(path) < 3000 {
		path += "/" + strings.Repeat("d", 200)
		_, err := f.fs.Mkdir(f.ctx, path, 0o755)
		require.NoError(f, err, len(path))
	}
	f.seenAsOnDisk(path)
}

// names lists a directory.
func (f *fixture) names(path string) []string {
	f.Helper()
	entries, err := f.fs.ReadDir(f.ctx, path)
	require.NoError(f, err)
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name)
	}
	return names
}
