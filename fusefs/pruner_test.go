package fusefs

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
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
	for i := range 1000 {
		p.add(nil, strconv.Itoa(i))
	}
	require.Len(t, p.names, mostWaiting*p.limit)
	assert.Equal(t, "999", p.names[len(p.names)-1].name)
}

// A folder whose files the kernel has forgotten takes no room for them any more.
func TestForgottenFilesTakeNoRoom(t *testing.T) {
	const folders, files, limit = 10, 500, 1000
	f := mount(t, nil)
	tree := f.server.tree
	tree.pruner.mu.Lock()
	tree.pruner.limit = limit
	tree.pruner.mu.Unlock()
	for i := range folders {
		require.NoError(t, os.Mkdir(fmt.Sprintf("%s/%d", f.dir, i), 0o755))
		for j := range files {
			require.NoError(t, os.WriteFile(fmt.Sprintf("%s/%d/%d", f.dir, i, j), nil, 0o644))
		}
	}
	room := func(i int) int {
		dir := reflect.ValueOf(tree.root.GetChild(strconv.Itoa(i))).Elem()
		return dir.FieldByName("children").FieldByName("children").Cap()
	}
	list := func(i int) {
		entries, err := os.ReadDir(fmt.Sprintf("%s/%d", f.mnt, i))
		require.NoError(t, err)
		require.Len(t, entries, files)
	}
	for i := range folders {
		list(i)
	}
	require.GreaterOrEqual(t, room(folders-1), files, "go-fuse's fields mean something else now")
	for i := range 3 {
		require.Eventually(t, func() bool {
			list(3 + rand.IntN(folders-3)) // the kernel tells later what it has forgotten
			return room(i) < files/10
		}, 10*time.Second, 10*time.Millisecond, "folder %d has room for %d", i, room(i))
	}
}
