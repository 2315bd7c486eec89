package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// startChild starts the process that will serve the mount, as the user and in
// the mount namespace that were asked for.
func startChild(child *exec.Cmd, o *options) error {
	if o.startup.setuid != "" {
		if err := runAs(child, o.startup.setuid); err != nil {
			return err
		}
	}
	if o.helper.namespace != "" {
		return startIn(child, o.helper.namespace)
	}
	if err := child.Start(); err != nil {
		return fmt.Errorf("starting in the background: %w", err)
	}
	return nil
}

// runAs makes cmd run as the user called name, with that user's groups and home.
func runAs(cmd *exec.Cmd, name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return usageError("option \"setuid=%s\": there is no such user", name)
		}
	}
	if u.Uid == strconv.Itoa(os.Geteuid()) {
		return nil
	}
	if os.Geteuid() != 0 {
		return usageError("option \"setuid=%s\": only root can run as another user", name)
	}
	groups, err := u.GroupIds()
	if err != nil {
		return fmt.Errorf("option \"setuid=%s\": finding the groups of that user: %w", name, err)
	}
	credential := new(syscall.Credential)
	for _, id := range slices.Concat([]string{u.Uid, u.Gid}, groups) {
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return fmt.Errorf("option \"setuid=%s\": %w", name, err)
		}
		credential.Groups = append(credential.Groups, uint32(n))
	}
	credential.Uid, credential.Gid = credential.Groups[0], credential.Groups[1]
	credential.Groups = credential.Groups[2:]
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	// What root's session has is not the user's.
	cmd.Env = slices.DeleteFunc(cmd.Env, func(variable string) bool {
		return strings.HasPrefix(variable, "XDG_RUNTIME_DIR=") || strings.HasPrefix(variable, "SSH_AUTH_SOCK=")
	})
	cmd.Env = append(cmd.Env, "HOME="+u.HomeDir, "USER="+u.Username, "LOGNAME="+u.Username)
	return nil
}

// startIn starts cmd in the mount namespace that the file at path stands for
// (setns(2)). The files that the program needs are those of that namespace.
func startIn(cmd *exec.Cmd, path string) error {
	namespace, err := os.Open(path)
	if err != nil {
		return usageError("mount namespace: %w", err)
	}
	defer func() { _ = namespace.Close() }()
	cmd.Path = "/proc/self/exe" // the program need not be installed there
	started := make(chan error)
	go func() {
		// The thread moves there alone, and ends with this goroutine.
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_FS)
		if err == nil {
			err = unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNS)
		}
		if err != nil {
			err = fmt.Errorf("entering the mount namespace %s: %w", path, err)
		} else {
			err = cmd.Start()
		}
		started <- err
	}()
	return <-started
}
