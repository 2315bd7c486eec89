package integration

import (
	"testing"
	"time"
)

// What a busy file takes on the server is given back when it is idle, though it
// stays open: one process for metadata and one for data are left.
func TestIdleChannelsAreGivenBack(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t, "-o", "max_conns=3")
	shell(t, m.remote, "head -c 8M /dev/urandom >file")
	cmd, out := tool(t, m.dir, "bash", "-euc", "exec <file; cat | cmp - "+m.onServer("file")+"; sleep 9; echo still open; cat file | cmp - "+m.onServer("file"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	count := func() int { return len(m.server.sftpServers()) }
	eventually(t, 30*time.Second, func() bool { return count() > 2 }, "further channels")
	eventually(t, 30*time.Second, func() bool { return count() == 2 }, "idle channels to close")
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
