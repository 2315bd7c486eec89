package integration

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// makeTree fills a new directory with files of many sizes, in folders, with
// links, modes and dates such as source trees have.
func makeTree(t testing.TB, folders, filesEach int) string {
	t.Helper()
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(uint64(folders), uint64(filesEach)))
	parent := dir
	for i := range folders {
		if i%5 == 0 {
			parent = dir
		}
		parent = filepath.Join(parent, fmt.Sprintf("folder %d", i))
		require.NoError(t, os.Mkdir(parent, 0o755))
		require.NoError(t, os.Symlink("file0", filepath.Join(parent, "link")))
		for j := range filesEach {
			name := filepath.Join(parent, fmt.Sprintf("file%d", j))
			size := random.IntN(1 << (4 + random.IntN(15))) // most small, some of 256 KiB
			writeRandom(t, name, size, random)
			require.NoError(t, os.Chmod(name, []fs.FileMode{0o644, 0o755, 0o600, 0o444}[j%4]))
			date := time.Unix(1_500_000_000+random.Int64N(200_000_000), 0)
			require.NoError(t, os.Chtimes(name, date, date))
		}
	}
	makeOld(t, dir, "!", "-type", "f")
	return dir
}

// makeOld gives what find(1) finds in dir a date of long ago. rsync sets no times
// that seem to be right already, and of what was just made, with async_close, they
// are a guess.
func makeOld(t testing.TB, dir string, tests ...string) {
	t.Helper()
	args := slices.Concat([]string{"find", "."}, tests, []string{"-exec", "touch", "-h", "-d", "@1600000000", "{}", "+"})
	run(t, dir, args...)
}

func writeRandom(t testing.TB, name string, size int, random *rand.Rand) {
	t.Helper()
	require.NoError(t, os.WriteFile(name, randomBytes(size, random), 0o644))
}

func randomBytes(size int, random *rand.Rand) []byte {
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(random.Uint32())
	}
	content := make([]byte, size)
	_, _ = rand.NewChaCha8(seed).Read(content) // quicker than number by number
	return content
}

// sameTree compares two trees: the content of all files, then what else stat(2)
// tells of them.
func sameTree(t testing.TB, want, got string) {
	t.Helper()
	run(t, "/", "diff", "-r", "--no-dereference", want, got)
	assert.Equal(t, manifest(t, want), manifest(t, got), "%s and %s", want, got)
}

// sameContent is sameTree for tools that do not keep modes and dates.
func sameContent(t testing.TB, want, got string) {
	t.Helper()
	run(t, "/", "diff", "-r", "--no-dereference", want, got)
}

// manifest describes each file below dir. Times are cut to seconds, since SFTP
// carries no more.
func manifest(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		size := info.Size()
		if info.IsDir() {
			size = 0 // depends on the file system
		}
		name, err := filepath.Rel(dir, path)
		files[name] = fmt.Sprintf("%v %d bytes, %d", info.Mode(), size, info.ModTime().Unix())
		return err
	}))
	return files
}

// serverFile returns the content of a file on the server's disk.
func (m *mount) serverFile(name string) string {
	m.t.Helper()
	content, err := os.ReadFile(m.onServer(name))
	require.NoError(m.t, err)
	return string(content)
}

// writeOnServer makes a file behind the mount's back.
func (m *mount) writeOnServer(name, content string) {
	m.t.Helper()
	require.NoError(m.t, os.WriteFile(m.onServer(name), []byte(content), 0o644))
}

// mountFile returns the content of a file as the mount has it.
func (m *mount) mountFile(name string) string {
	m.t.Helper()
	content, err := os.ReadFile(m.path(name))
	require.NoError(m.t, err)
	return string(content)
}

// write makes a file on the mount.
func (m *mount) write(name, content string) {
	m.t.Helper()
	require.NoError(m.t, os.WriteFile(m.path(name), []byte(content), 0o644))
}

// sameText compares long texts, and shows only where they part.
func sameText(t testing.TB, want, got, what string, args ...any) {
	t.Helper()
	if want == got {
		return
	}
	at := 0
	for at < min(len(want), len(got)) && want[at] == got[at] {
		at++
	}
	t.Fatalf("%s: %d bytes expected, got %d; from byte %d on %q was expected, got %q", fmt.Sprintf(what, args...),
		len(want), len(got), at, want[at:min(len(want), at+100)], got[at:min(len(got), at+100)])
}
