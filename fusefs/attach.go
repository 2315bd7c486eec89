package fusefs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// mountFlags are the options that mount(2) takes as flags: what to set, and
// what to clear.
var mountFlags = map[string]struct{ set, clear uintptr }{
	"ro":            {set: unix.MS_RDONLY},
	"rw":            {clear: unix.MS_RDONLY},
	"nosuid":        {set: unix.MS_NOSUID},
	"suid":          {clear: unix.MS_NOSUID},
	"nodev":         {set: unix.MS_NODEV},
	"dev":           {clear: unix.MS_NODEV},
	"noexec":        {set: unix.MS_NOEXEC},
	"exec":          {clear: unix.MS_NOEXEC},
	"sync":          {set: unix.MS_SYNCHRONOUS},
	"async":         {clear: unix.MS_SYNCHRONOUS},
	"dirsync":       {set: unix.MS_DIRSYNC},
	"noatime":       {set: unix.MS_NOATIME},
	"atime":         {clear: unix.MS_NOATIME},
	"nodiratime":    {set: unix.MS_NODIRATIME},
	"diratime":      {clear: unix.MS_NODIRATIME},
	"relatime":      {set: unix.MS_RELATIME},
	"norelatime":    {clear: unix.MS_RELATIME},
	"strictatime":   {set: unix.MS_STRICTATIME},
	"nostrictatime": {clear: unix.MS_STRICTATIME},
	"nosymfollow":   {set: unix.MS_NOSYMFOLLOW},
}

// kernelOptions are the options that a mount of type fuse takes, less those
// that mount(2) and fusermount3 take differently.
func (o *Options) kernelOptions() []string {
	var list []string
	if o.AllowOther || o.AllowRoot {
		list = append(list, "allow_other")
	}
	if o.DefaultPermissions {
		list = append(list, "default_permissions")
	}
	if o.MaxRead > 0 {
		list = append(list, fmt.Sprintf("max_read=%d", o.MaxRead))
	}
	return append(list, o.MountOptions...)
}

// attach mounts dir, which must be absolute, and returns the open /dev/fuse
// that serves it. It mounts by itself where it may, and else through
// fusermount3, which with AutoUnmount stays as the guard.
func attach(dir string, o *Options) (fd int, g *guard, err error) {
	if os.Geteuid() == 0 && !o.AutoUnmount {
		fd, err = attachDirectly(dir, o)
		// Root in a container may not, unless somebody outside stands in for
		// fusermount3.
		if _, missing := exec.LookPath(helperName); missing != nil || !errors.Is(err, syscall.EPERM) {
			return fd, nil, err
		}
	}
	return attachByHelper(dir, o)
}

func attachDirectly(dir string, o *Options) (fd int, err error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return -1, &os.PathError{Op: "mount", Path: dir, Err: err}
	}
	fd, err = unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: "/dev/fuse", Err: err}
	}
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV)
	data := []string{
		fmt.Sprintf("fd=%d,rootmode=%o,user_id=%d,group_id=%d",
			fd, st.Mode&unix.S_IFMT, os.Geteuid(), os.Getegid()),
	}
	for _, option := range o.kernelOptions() {
		if f, ok := mountFlags[option]; ok {
			flags = flags&^f.clear | f.set
		} else {
			data = append(data, option)
		}
	}
	err = unix.Mount(o.FsName, dir, "fuse."+o.Subtype, flags, strings.Join(data, ","))
	if err != nil {
		_ = unix.Close(fd)
		return -1, &os.PathError{Op: "mount", Path: dir, Err: err}
	}
	return fd, nil
}

// helperEscape escapes what fusermount3 takes for the end of an option.
var helperEscape = strings.NewReplacer(`\`, `\\`, `,`, `\,`)

// attachByHelper has fusermount3, which is set-user-ID root, mount dir. It
// sends the open /dev/fuse through a socket whose number _FUSE_COMMFD names.
func attachByHelper(dir string, o *Options) (fd int, g *guard, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, nil, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := pair[0], os.NewFile(uintptr(pair[1]), helperName)

	options := []string{
		"fsname=" + helperEscape.Replace(o.FsName),
		"subtype=" + helperEscape.Replace(o.Subtype),
	}
	for _, option := range o.kernelOptions() {
		options = append(options, helperEscape.Replace(option))
	}
	if o.AutoUnmount {
		options = append(options, "auto_unmount")
	}
	cmd := helper("-o", strings.Join(options, ","), "--", dir)
	cmd.ExtraFiles = []*os.File{theirs} // number 3
	cmd.Env = append(cmd.Env, "_FUSE_COMMFD=3")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	err = cmd.Start()
	_ = theirs.Close()
	if err != nil {
		_ = unix.Close(ours)
		if errors.Is(err, exec.ErrNotFound) {
			err = errors.New("the program fusermount3 is missing, and is needed: install the package fuse3")
		}
		return -1, nil, &os.PathError{Op: "mount", Path: dir, Err: err}
	}
	fd, err = receiveFD(ours)
	if err == nil && o.AutoUnmount {
		return fd, &guard{ours, cmd}, nil
	}
	_ = unix.Close(ours)
	if complaint := helperError(cmd.Wait(), stderr.String()); complaint != nil {
		return -1, nil, &os.PathError{Op: "mount", Path: dir, Err: complaint}
	}
	if err != nil {
		return -1, nil, fmt.Errorf("mount %s: no /dev/fuse from fusermount3: %w", dir, err)
	}
	return fd, nil, nil
}

// receiveFD receives the one file descriptor that was sent through a socket.
func receiveFD(socket int) (int, error) {
	data, control := make([]byte, 8), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, data, control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1, os.NewSyscallError("recvmsg", err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil {
		return -1, os.NewSyscallError("recvmsg", err)
	}
	if len(messages) != 1 {
		return -1, fmt.Errorf("%d control messages", len(messages))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return -1, os.NewSyscallError("recvmsg", err)
	}
	return fds[0], nil
}

// Detach takes what is mounted on dir out of the directory tree at once, whoever
// serves it, or served it. Files that are open on it stay open.
func Detach(dir string) error { return detach(dir, true) }

// detach unmounts dir; lazily, it takes it out of the tree now and leaves the
// rest to when nothing uses it any more.
func detach(dir string, lazy bool) error {
	flags, args := unix.UMOUNT_NOFOLLOW, []string{"-u"}
	if lazy {
		flags, args = flags|unix.MNT_DETACH, append(args, "-z")
	}
	err := unix.Unmount(dir, flags)
	if errors.Is(err, syscall.EPERM) {
		err = runHelper(helper(append(args, "--", dir)...))
	}
	if err != nil {
		return &os.PathError{Op: "unmount", Path: dir, Err: err}
	}
	return nil
}

const helperName = "fusermount3"

// helper returns the command fusermount3, which speaks English.
func helper(args ...string) *exec.Cmd {
	cmd := exec.Command(helperName, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	return cmd
}

func runHelper(cmd *exec.Cmd) error {
	var stderr strings.Builder
	cmd.Stderr = &stderr
	err := cmd.Run()
	return helperError(err, stderr.String())
}

// helperError is how fusermount3 ended. It holds the line that it complained
// with, and matches EBUSY if that is what it says: it has no other way to.
func helperError(err error, stderr string) error {
	if _, ok := errors.AsType[*exec.ExitError](err); !ok {
		return err
	}
	complaint, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	switch {
	case strings.Contains(complaint, "Device or resource busy"):
		return syscall.EBUSY
	case complaint == "":
		return fmt.Errorf("fusermount3: %w", err)
	}
	return errors.New(complaint)
}
