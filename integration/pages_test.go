package integration

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func init() { helpers["dirty-pages"] = dirtyPages }

// dirtyPages changes all of a file in memory, after it has closed it.
func dirtyPages(args []string) error {
	file, err := os.OpenFile(args[0], os.O_RDWR, 0)
	if err != nil {
		return err
	}
	pages, err := unix.Mmap(int(file.Fd()), 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	for i := range pages {
		pages[i] = 'x'
	}
	return unix.Munmap(pages)
}

// Pages that the kernel writes back after the last close(2), and that do not reach
// the server, are told of when the mount ends.
func TestPagesLostAfterTheLastClose(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can make a file system that is full")
	}
	if !inOwnNamespace() {
		inNamespace(t, "")
		return
	}
	m := newMount(t)
	m.expect("written data was lost")
	shell(t, m.remote, "mkdir full; mount -t tmpfs -o size=256k none full; truncate -s 1m full/hole")
	t.Cleanup(func() { shell(t, m.remote, "umount -l full") })
	out, err := helper(t, "dirty-pages", m.path("full/hole")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, unmount(m.dir))
	m.waitForEnd(7)
	log, err := os.ReadFile(m.log)
	require.NoError(t, err)
	assert.Regexp(t, `did not reach the server: \d+ bytes of .*/full/hole`, string(log))
}
