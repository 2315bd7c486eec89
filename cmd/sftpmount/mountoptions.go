package main

import "strings"

// A mountMeaning says what becomes of an option of mount(8) or of libfuse.
type mountMeaning int

const (
	forKernel mountMeaning = iota // a flag of the mount itself
	forOthers                     // for mount(8), systemd or libfuse: nothing to do here
)

var kernelFlags = strings.Fields(`ro rw noexec exec nosuid suid nodev dev noatime atime
	nodiratime diratime relatime norelatime strictatime nostrictatime sync async dirsync`)

// Options that fstab, mount(8) and libfuse know and that have nothing to do in
// this program.
var othersOptions = strings.Fields(`defaults auto noauto user nouser users owner group
	nofail _netdev comment uhelper
	ac_attr_timeout async_dio async_read atomic_o_trunc big_writes blksize
	congestion_threshold dcache_clean_interval dcache_min_clean_interval
	cache_clean_interval cache_min_clean_interval hard_remove intr intr_signal
	large_read max_background max_readahead max_write no_remote_flock
	no_remote_lock no_remote_posix_lock no_rofd_flush noforget nonempty
	readdir_ino remember splice_move splice_read splice_write no_splice_move
	no_splice_read no_splice_write sync_read sync_readdir use_ino`)

// mountOption looks up an option with its value, if it has one.
func mountOption(text string) (mountMeaning, bool) {
	for _, flag := range kernelFlags {
		if text == flag {
			return forKernel, true
		}
	}
	name, _, _ := strings.Cut(text, "=")
	// By fstab(5), "x-" and "X-" start options for other programs.
	if strings.HasPrefix(name, "x-") || strings.HasPrefix(name, "X-") {
		return forOthers, true
	}
	for _, other := range othersOptions {
		if name == other {
			return forOthers, true
		}
	}
	return 0, false
}
