package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"runtime"
	"strings"
	"syscall"

	"sftpmount/fusefs"
)

// serve connects, mounts and returns when the mount has ended. starter is the
// process to release when the mount is there, or nil.
func serve(o *options, starter *parent) (err error) {
	if err := o.log.refuseBelow(o.mountpoint); err != nil {
		return err
	}
	logger, err := newLogger(o)
	if err != nil {
		return err
	}
	defer logger.close()
	log := logger.Logger
	if len(o.ignored) > 0 {
		log.Debug("accepted options that mean nothing here", "options", o.ignored)
	}
	mountpoint, err := readyMountpoint(o.mountpoint, o.mount.subtype, log)
	if err != nil {
		return err
	}
	o.mountpoint = mountpoint
	if err := checkFUSE(); err != nil {
		return err
	}
	makeRoomForReaders()
	signals := catchSignals()
	monitor, err := newMonitor(o, log)
	if err != nil {
		return err
	}
	defer func() { monitor.stop(err) }()
	stack, mount, err := start(o, starter, monitor, signals, log)
	if err != nil {
		return err
	}
	monitor.start(stack, mount, log) // who is told of the mount can ask how it is
	if starter != nil {
		logger.lines.leaveTerminal()
		if err := starter.release(); err != nil {
			return errors.Join(err, mount.Unmount(), stack.close(signals, log))
		}
	}
	log.Info("mounted", "source", o.target.String(), "mountpoint", mountpoint)
	service := startService(mountpoint, stack.remote.Status, log)
	waitForEnd(mount, mountpoint, signals, log)
	service.stop()
	err = stack.close(signals, log)
	if err != nil {
		if starter != nil {
			log.Error(oneLine(err)) // nobody reads standard error any more
		}
		return err
	}
	log.Info("unmounted", "mountpoint", mountpoint)
	return nil
}

// makeRoomForReaders raises GOMAXPROCS, if the user left it alone: go-fuse waits for
// requests in read(2), outside of the runtime's poller, and a thread in there keeps its
// P from what else could run until the runtime notices. Two threads wait most of the
// time.
func makeRoomForReaders() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2)
	}
}

// start connects and mounts. Until it has mounted, a signal ends it.
func start(o *options, starter *parent, observer fusefs.Observer, signals <-chan os.Signal, log *slog.Logger) (*stack, *fusefs.Server, error) {
	ctx, stop := untilSignal(signals)
	defer stop()
	stack, err := connect(ctx, o, log)
	if err != nil {
		return nil, nil, err
	}
	root, err := findRoot(ctx, o, stack)
	if err != nil {
		_ = stack.close(signals, log)
		return nil, nil, err
	}
	if err := starter.closeInherited(); err != nil {
		return nil, nil, errors.Join(err, stack.close(signals, log))
	}
	mount, err := fusefs.Mount(o.mountpoint, stack.cache, o.fuseOptions(root, observer, log))
	if err != nil {
		_ = stack.close(signals, log)
		return nil, nil, mountError(err)
	}
	return stack, mount, nil
}

// untilSignal returns a context that ends with the next signal. After stop,
// signals go to whoever reads the channel next.
func untilSignal(signals <-chan os.Signal) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case s := <-signals:
			cancel(interrupted(s.(syscall.Signal)))
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-done
	}
}

// findRoot returns the path of the directory to mount, which is absolute if the
// server can be asked.
func findRoot(ctx context.Context, o *options, stack *stack) (string, error) {
	if o.startup.delay {
		return unresolvedRoot(o.remoteDir())
	}
	root, err := stack.cache.RealPath(ctx, o.remoteDir())
	if err != nil {
		return "", directoryError(ctx, o, err)
	}
	attr, err := stack.cache.Stat(ctx, root)
	switch {
	case o.startup.noCheckRoot:
		return root, nil
	case err != nil:
		return "", directoryError(ctx, o, err)
	case !attr.IsDir():
		return "", failure(exitDirectory, "%s on %s is not a directory", root, o.target.host)
	}
	return root, nil
}

// unresolvedRoot returns a path for dir, without a server to ask: relative paths
// start in the home directory there.
func unresolvedRoot(dir string) (string, error) {
	dir = strings.TrimPrefix(dir, "~/")
	switch {
	case path.IsAbs(dir):
		return path.Clean(dir), nil
	case dir == "~" || path.Clean(dir) == ".":
		return ".", nil
	case strings.HasPrefix(dir, "~"):
		return "", failure(exitDirectory, "only the server knows where %s is, and \"delay_connect\" does not ask it: "+
			"name the directory by its whole path", dir)
	}
	return "./" + path.Clean(dir), nil
}

func directoryError(ctx context.Context, o *options, err error) error {
	dir := o.remoteDir()
	if dir == "" {
		dir = "the home directory"
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, fs.ErrNotExist):
		return failure(exitDirectory, "%s does not exist on %s", dir, o.target.host)
	case errors.Is(err, fs.ErrPermission):
		return failure(exitDirectory, "%s on %s may not be read by the user who logged in", dir, o.target.host)
	}
	return failure(exitDirectory, "%s on %s: %w", dir, o.target.host, err)
}

// waitForEnd returns when the file system is mounted no more. The first signal
// unmounts it, the second detaches it even if files on it are in use, and the
// third gives those up.
func waitForEnd(mount *fusefs.Server, mountpoint string, signals <-chan os.Signal, log *slog.Logger) {
	ended := make(chan struct{})
	go func() { // ends with the mount, or with the program
		defer close(ended)
		mount.Wait()
	}()
	next := []func(){
		func() {
			switch err := mount.Unmount(); {
			case errors.Is(err, syscall.EBUSY):
				log.Warn(mountpoint + " is busy: close what uses it; a second signal detaches it")
			case err != nil:
				log.Error("cannot unmount; a second signal detaches the mount", "err", err)
			}
		},
		func() {
			if err := mount.Detach(); err != nil {
				log.Error("cannot detach the mount; a third signal ends this program", "err", err)
				return
			}
			log.Warn(mountpoint + " is detached: this program ends when the last file on it is closed, or with a third signal")
		},
	}
	for {
		select {
		case <-ended:
			return
		case <-signals:
			if len(next) == 0 {
				return
			}
			// Not here, since unmounting can wait for a server that
			// does not answer, and then the next signal counts.
			go next[0]()
			next = next[1:]
		}
	}
}
