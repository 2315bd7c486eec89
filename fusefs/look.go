package fusefs

import (
	"context"
	"path"
	"syscall"

	"sftpmount/sftpconn"
)

// The functions here look at the server for the cause of an error. paths are
// those of the operation, the last one what it would have made or removed.

func last(paths []string) string { return paths[len(paths)-1] }

func parents(paths []string) []string {
	var dirs []string
	for _, p := range paths {
		dirs = append(dirs, path.Dir(p))
	}
	return dirs
}

func always(context.Context, sftpconn.FS, []string) bool { return true }

func lastExists(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	_, err := fsys.Lstat(ctx, last(paths))
	return err == nil
}

func lastIsDir(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	attr, err := fsys.Lstat(ctx, last(paths))
	return err == nil && attr.IsDir()
}

func fileOverDir(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	return lastIsDir(ctx, fsys, paths) && lastIsNoDir(ctx, fsys, paths[:1])
}

func firstIsDir(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	return lastIsDir(ctx, fsys, paths[:1])
}

func lastIsNoDir(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	attr, err := fsys.Lstat(ctx, last(paths))
	return err == nil && attr.Type() != 0 && !attr.IsDir()
}

func parentIsNoDir(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	return lastIsNoDir(ctx, fsys, parents(paths))
}

// lastIsNoLink is for a link that was replaced. The kernel asks only for links,
// and looks the name up anew on ESTALE.
func lastIsNoLink(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	attr, err := fsys.Lstat(ctx, last(paths))
	return err == nil && attr.Type() != 0 && !attr.IsSymlink()
}

// lastIsNoFile is for what took the place of a regular file, or of a name that
// was absent. The kernel opens nothing else here, and looks the name up anew on
// ESTALE.
func lastIsNoFile(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	attr, err := fsys.Stat(ctx, last(paths))
	return err == nil && attr.Type() != 0 && !attr.IsRegular()
}

func lastHasEntries(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	if !lastIsDir(ctx, fsys, paths) {
		return false
	}
	entries, err := fsys.ReadDir(ctx, last(paths))
	return err == nil && len(entries) > 0
}

// lastRuns is for a program that is running on the server: it can be opened for
// reading, and only for that.
func lastRuns(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	attr, err := fsys.Stat(ctx, last(paths))
	if err != nil || !attr.IsRegular() || attr.Mode&0o111 == 0 {
		return false
	}
	file, _, err := fsys.Open(ctx, last(paths), sftpconn.Read, 0)
	if err != nil {
		return false
	}
	_ = file.Close(ctx)
	return true
}

// inStickyFolder reports whether a folder is sticky in which everybody may
// otherwise remove names.
func inStickyFolder(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	const everybody = syscall.S_ISVTX | syscall.S_IWOTH
	for _, dir := range parents(paths) {
		attr, err := fsys.Stat(ctx, dir)
		if err == nil && attr.Valid&sftpconn.AttrMode != 0 && attr.Mode&everybody == everybody {
			return true
		}
	}
	return false
}

// ofAnother reports whether the first path belongs to another user than the
// folder that the last one is in: Linux lets nobody link what is another's
// (proc_sys_fs(5), protected_hardlinks).
func ofAnother(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	file, err := fsys.Lstat(ctx, paths[0])
	if err != nil {
		return false
	}
	dir, err := fsys.Stat(ctx, path.Dir(last(paths)))
	return err == nil && file.Valid&dir.Valid&sftpconn.AttrOwners != 0 && file.UID != dir.UID
}

// enoughSpace is what no single write asks for, in bytes. File systems fail
// writes with ENOSPC before the last block is used.
const enoughSpace = 1 << 20

func noSpace(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	st, err := fsys.StatVFS(ctx, path.Dir(last(paths)))
	return err == nil && st.Blocks > 0 && (st.BlocksAvail*st.FragmentSize < enoughSpace || st.Files > 0 && st.FilesAvail == 0)
}

// noneSoLarge reports whether the node's file system could not hold a file of a
// size.
func (t *tree) noneSoLarge(ctx context.Context, n *node, size uint64) bool {
	path, linked := n.path()
	if !linked {
		path = t.opts.Root
	}
	st, err := t.fsys.StatVFS(ctx, path)
	return err == nil && st.Blocks > 0 && size/max(st.FragmentSize, 1) > st.Blocks
}

func lastIsReadOnly(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	st, err := fsys.StatVFS(ctx, last(paths))
	return err == nil && st.ReadOnly
}

func parentIsReadOnly(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	for _, dir := range parents(paths) {
		if lastIsReadOnly(ctx, fsys, []string{dir}) {
			return true
		}
	}
	return false
}

func onTwoFileSystems(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	return differ(ctx, fsys, path.Dir(paths[0]), path.Dir(last(paths)))
}

// aMountPoint reports whether something is mounted on one of the paths.
func aMountPoint(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	for _, p := range paths {
		if differ(ctx, fsys, path.Dir(p), p) {
			return true
		}
	}
	return false
}

// differ reports whether two paths are surely on two file systems. Not every
// one has an f_fsid.
func differ(ctx context.Context, fsys sftpconn.FS, a, b string) bool {
	from, err := fsys.StatVFS(ctx, a)
	if err != nil {
		return false
	}
	to, err := fsys.StatVFS(ctx, b)
	return err == nil && (from.ID != to.ID || from.Blocks != to.Blocks ||
		from.FragmentSize != to.FragmentSize || from.Files != to.Files)
}
