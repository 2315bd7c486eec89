package integration

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestVim(t *testing.T) {
	t.Parallel()
	for _, backupCopy := range []string{"yes", "no", "auto"} {
		t.Run(backupCopy, func(t *testing.T) {
			t.Parallel()
			m := newMount(t)
			m.write("text", "one\ntwo\nthree\n")
			run(t, m.dir, "chmod", "640", "text")
			for _, edit := range []string{"%s/two/2/", "normal Gofour", "1d"} {
				run(t, m.dir, "vi", "-es", "-u", "NONE", "-c", "set backup backupskip= swapfile fsync backupcopy="+backupCopy,
					"-c", edit, "-c", "wq", "text")
			}
			assert.Equal(t, "2\nthree\nfour\n", m.serverFile("text"))
			assert.Equal(t, "2\nthree\nfour\n", m.mountFile("text"))
			assert.Equal(t, "640\n", run(t, m.dir, "stat", "-c", "%a", "text"))
			assert.Equal(t, "text\ntext~\n", run(t, m.remote, "ls", "-A"), "the swap file is gone, the backup is there")
		})
	}
}

// An editor that makes a new file and renames it over the old one.
func TestSedInPlace(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	m.write("text", strings.Repeat("a line\n", 20_000))
	run(t, m.dir, "sed", "-i", "s/line/changed line/", "text")
	want := strings.Repeat("a changed line\n", 20_000)
	sameText(t, want, m.serverFile("text"), "on the server")
	sameText(t, want, m.mountFile("text"), "on the mount")
	run(t, m.dir, "sed", "-i.old", "1,19999d", "text")
	assert.Equal(t, "a changed line\n", m.mountFile("text"))
	sameText(t, want, m.mountFile("text.old"), "the backup")
	run(t, m.dir, "perl", "-pi", "-e", "s/a/one/", "text")
	assert.Equal(t, "one changed line\n", m.serverFile("text"))
}

// What an editor does that takes care: write a new file, fsync it, rename it,
// fsync the directory.
func TestAtomicSave(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	m.write("text", "old")
	run(t, m.dir, "python3", "-c", `
import os
for i in range(50):
    with open('text.tmp', 'w') as f:
        f.write('version %d\n' % i * 1000)
        f.flush()
        os.fsync(f.fileno())
    os.rename('text.tmp', 'text')
    directory = os.open('.', os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)
    assert open('text').read() == 'version %d\n' % i * 1000
`)
	sameText(t, strings.Repeat("version 49\n", 1000), m.serverFile("text"), "the last version")
}
