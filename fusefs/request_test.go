package fusefs

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"sftpmount/sftpconn"
)

// witness notes what an Observer learns of the changes to a mount.
type witness struct {
	mu    sync.Mutex
	begun map[*Request]bool
	seen  []string
}

func (w *witness) Begin(r *Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun[r] = true
	_ = r.Path()
}

func (w *witness) End(r *Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	complete := w.begun[r] && !r.Began.IsZero() && r.Took > 0 && r.PID != 0 && int(r.UID) == os.Getuid()
	delete(w.begun, r)
	switch r.Operation {
	case "lookup", "getattr", "access", "opendir", "flush", "release":
		return // they come when the kernel likes
	}
	line := []string{r.Operation, r.Path()}
	if to := r.NewPath(); to != "" {
		line = append(line, "to", to)
	}
	if r.Target != "" {
		line = append(line, "target", r.Target)
	}
	if r.Bytes != 0 {
		line = append(line, fmt.Sprint(r.Bytes))
	}
	if r.Set.Valid == sftpconn.AttrMode {
		line = append(line, fmt.Sprintf("mode %o", r.Set.Mode))
	}
	if r.Errno != 0 {
		line = append(line, r.Errno.Error())
	}
	if !complete {
		line = append(line, fmt.Sprintf("incomplete: %+v", r))
	}
	w.seen = append(w.seen, strings.Join(line, " "))
}

// take returns what was seen since the last time.
func (w *witness) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

func TestObserver(t *testing.T) {
	w := &witness{begun: map[*Request]bool{}}
	f := mount(t, nil, func(o *Options) { o.Observer = w })
	w.take()
	require.NoError(t, os.Symlink("/", f.onServer("out")))
	require.NoError(t, os.Mkdir(f.onMount("dir"), 0o755))
	f.write("dir/a", "12345")
	assert.Equal(t, "12345", f.read("dir/a"))
	require.NoError(t, os.Chmod(f.onMount("dir/a"), 0o640))
	require.NoError(t, os.Rename(f.onMount("dir/a"), f.onMount("b")))
	require.NoError(t, os.Link(f.onMount("b"), f.onMount("c")))
	require.NoError(t, os.Symlink("b", f.onMount("s")))
	require.NoError(t, os.Remove(f.onMount("b")))
	require.NoError(t, unix.Rmdir(f.onMount("dir")))
	_, err := os.Readlink(f.onMount("out"))
	require.ErrorIs(t, err, syscall.EPERM)
	assert.Equal(t, strings.TrimSpace(`
mkdir /dir
create /dir/a
write /dir/a 5
open /dir/a
read /dir/a 5
setattr /dir/a mode 640
rename /dir/a to /b
link /b to /c
symlink /s target b
unlink /b
rmdir /dir
readlink /out operation not permitted`), strings.ReplaceAll(strings.Join(w.take(), "\n"), f.dir, ""))
}
