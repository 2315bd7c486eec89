package fusefs

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The kernel is made to forget files, but not those that are in use.
func TestKnownFilesAreBounded(t *testing.T) {
	const files, limit = 500, 50
	f := mount(t, nil)
	tree := f.server.tree
	tree.pruner.mu.Lock()
	tree.pruner.limit = limit
	tree.pruner.mu.Unlock()
	for i := range files {
		require.NoError(t, os.WriteFile(fmt.Sprintf("%s/%03d", f.dir, i), []byte{byte(i)}, 0o644))
	}
	open, err := os.Open(f.mnt + "/000")
	require.NoError(t, err)
	defer open.Close()
	for i := range files {
		_, err := os.Stat(fmt.Sprintf("%s/%03d", f.mnt, i))
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return len(tree.root.Children()) <= limit+1 },
		10*time.Second, 10*time.Millisecond, "the kernel knows more")
	for i := range files {
		content, err := os.ReadFile(fmt.Sprintf("%s/%03d", f.mnt, i))
		require.NoError(t, err)
		require.Equal(t, []byte{byte(i)}, content)
	}
	before, err := open.Stat()
	require.NoError(t, err)
	after, err := os.Stat(f.mnt + "/000")
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after))
	link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", open.Fd()))
	require.NoError(t, err)
	assert.Equal(t, f.mnt+"/000", link, "the kernel has not lost its name")
}

// What waits for the kernel is bounded.
func TestPrunerThatIsHeldUp(t *testing.T) {
	t.Parallel()
	p := &pruner{limit: 10, wake: make(chan struct{}, 1)} // nobody takes names out
	for i := range 100 {
		p.add(nil, strconv.Itoa(i))
	}
	assert.Len(t, p.names, 20)
	assert.Equal(t, "99", p.names[19].name)
}
