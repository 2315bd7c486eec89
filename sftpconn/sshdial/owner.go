package sshdial

import (
	"io/fs"
	"os"
	"syscall"
)

// ownedByUs reports whether the file belongs to who runs this program.
func ownedByUs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
