// Package fusefs shows an [sftpconn.FS] to the kernel as a FUSE file system.
//
// A node stands for a file that the kernel knows, a handle for one that is
// open. Each method of theirs is one request of the kernel: it finds the path
// (or the open file), makes one call on the FS, and translates the answer.
// Nothing is cached here but what the kernel was told (see knowledge), inode
// numbers (see numbers), and, for the life of a directory handle, its listing.
//
// # Files
//
//	the mount           mount, options, attach, guard, remount, connection, allowroot
//	requests            node, node_*, handle, dirhandle, copy, symlink, owner
//	around each         operation, request, signals
//	errors              errno, reasons, look, away
//	what is known       inodes, knowledge, pages, notifier, pruner
//	renames under way   moves, leaving
//
// # Paths
//
// A node's path is read from go-fuse's tree when a request needs it, so that it
// is right after a rename of any folder above it. A node whose last name was
// removed has none; requests on it go through one of its open handles.
//
// # Locks
//
// All mutexes here are leaves: nothing else is taken under them, and none is held
// across a request or a call into go-fuse. The kernel is notified by two
// goroutines, see notifier and pruner.
package fusefs
