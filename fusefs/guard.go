package fusefs

import (
	"os/exec"

	"golang.org/x/sys/unix"
)

// guard is a fusermount3 that mounted for us and lives on, to unmount when this
// program ends without having done so (auto_unmount). It notices by the end of
// the socket between the two.
type guard struct {
	socket int
	cmd    *exec.Cmd
}

// close ends the guard, which finds nothing to unmount any more. nil is none.
func (g *guard) close() {
	if g != nil {
		_ = unix.Close(g.socket)
		_ = g.cmd.Wait()
	}
}
