package main

import (
	"slices"
	"strings"
)

// A mountMeaning says what becomes of an option of mount(8) or of libfuse.
type mountMeaning int

const (
	forKernel mountMeaning = iota // a flag of the mount itself
	forOthers                     // for mount(8), systemd or libfuse: nothing to do here
)

var kernelFlags = strings.Fields(`ro rw noexec exec nosuid suid nodev dev noatime atime
	nodiratime diratime relatime norelatime strictatime nostrictatime sync async dirsync
	nosymfollow`)

// Options whose values the kernel's security modules read (mount(8)).
var kernelValues = strings.Fields(`context fscontext defcontext rootcontext`)

// Options that fstab, mount(8), libfuse and sshfs know and that have nothing to
// do in this program; "-s" and "-n" are flags. docs/sshfs.md says why.
var othersOptions = strings.Fields(`defaults auto noauto user nouser users owner group
	nofail _netdev comment uhelper helper lazytime nolazytime silent loud
	mand nomand iversion noiversion -s -n
	ac_attr_timeout async_dio async_read atomic_o_trunc big_writes blksize clone_fd
	congestion_threshold dcache_clean_interval dcache_min_clean_interval
	cache_clean_interval cache_min_clean_interval hard_remove intr intr_signal
	large_read max_background max_idle_threads max_readahead max_threads max_write
	no_remote_flock no_remote_lock no_remote_posix_lock no_rofd_flush noforget
	nonempty nopath readdir_ino remember splice_move splice_read splice_write
	no_splice_move no_splice_read no_splice_write sync_read unreliable_append use_ino
	Cipher RhostsRSAAuthentication RSAAuthentication SmartcardDevice`)

// mountOption looks up an option with its value, if it has one.
func mountOption(text string) (mountMeaning, bool) {
	if slices.Contains(kernelFlags, text) {
		return forKernel, true
	}
	if text == "writeback_cache=no" { // there is none
		return forOthers, true
	}
	name, _, hasValue := strings.Cut(text, "=")
	if hasValue && slices.Contains(kernelValues, name) {
		return forKernel, true
	}
	// By fstab(5), "x-" and "X-" start options for other programs.
	if strings.HasPrefix(name, "x-") || strings.HasPrefix(name, "X-") {
		return forOthers, true
	}
	return forOthers, slices.Contains(othersOptions, name)
}
