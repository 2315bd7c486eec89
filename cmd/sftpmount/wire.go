package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"sftpmount/cache"
	"sftpmount/fusefs"
	"sftpmount/reconnect"
	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sshdial"
)

// Here, and only here, the options become those of each package.

// dialOptions returns what sshdial is to know, password included if it comes
// from standard input.
func (o *options) dialOptions(log *slog.Logger) (sshdial.Options, error) {
	dial := sshdial.Options{
		Host:       o.target.host,
		User:       o.target.user,
		ConfigFile: o.transport.configFile,
		Overrides:  o.transport.sshOverrides(),
		Subsystem:  o.transport.sftpServer,
		MaxConns:   o.transport.maxConns,
		Transport:  o.transport.transport,
		Command:    o.transport.sshCommand,
		Prompter:   sshdial.Terminal{},
		Logger:     log,
	}
	if o.transport.passwordStdin {
		password, err := readPassword(os.Stdin)
		if err != nil {
			return dial, err
		}
		dial.Password = password
	}
	return dial, nil
}

// readPassword reads the first line.
func readPassword(r io.Reader) ([]byte, error) {
	line, err := bufio.NewReader(r).ReadBytes('\n')
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("option \"password_stdin\": reading standard input: %w", err)
	}
	password := []byte(strings.TrimRight(string(line), "\r\n"))
	if len(password) == 0 {
		return nil, usageError("option \"password_stdin\": standard input holds no password")
	}
	return password, nil
}

func (o *options) connOptions(log *slog.Logger) sftpconn.Options {
	return sftpconn.Options{
		SyncReadDir: o.memory.syncReadDir,
		Quirks: sftpconn.Quirks{
			NoFStat:      o.workarounds.fstat,
			NoTruncate:   o.workarounds.truncate,
			NoCreateMode: o.workarounds.createMode,
		},
		Connections: o.transport.maxConns,
		Logger:      log,
	}
}

func (o *options) reconnectOptions(log *slog.Logger) reconnect.Options {
	return reconnect.Options{
		Timeout:   max(o.link.reconnectTimeout, 1), // 0 would mean the default there
		Hard:      o.link.hard,
		Disabled:  o.link.noReconnect,
		Delay:     o.startup.delay,
		Permanent: sshdial.IsPermanent,
		Logger:    log,
	}
}

func (o *options) cacheOptions(log *slog.Logger) cache.Options {
	return cache.Options{
		AttrTimeout:     orNone(o.memory.statTimeout),
		DirTimeout:      orNone(o.memory.dirTimeout),
		LinkTimeout:     orNone(o.memory.linkTimeout),
		NegativeTimeout: orNone(min(o.memory.statTimeout, 5*time.Second)),
		MaxEntries:      o.memory.cacheSize,
		CloseTimeout:    orNone(o.link.reconnectTimeout),
		NoReadAhead:     o.memory.noReadAhead,
		NoReadAround:    o.memory.kernel.directIO,
		SyncWrites:      o.memory.syncWrites,
		AsyncClose:      o.memory.asyncClose,
		Disabled:        o.memory.noDirCache,
		Logger:          log,
	}
}

// orNone returns what package cache takes for a timeout of 0 seconds; its own 0
// is the default.
func orNone(timeout time.Duration) time.Duration {
	if timeout == 0 {
		return -1
	}
	return timeout
}

func (o *options) fuseOptions(root string, observer fusefs.Observer, log *slog.Logger) fusefs.Options {
	kernel := o.memory.kernel
	return fusefs.Options{
		Root:               root,
		FsName:             cmp.Or(o.mount.fsname, o.target.String()),
		Subtype:            o.mount.subtype,
		AllowOther:         o.mount.allowOther,
		AllowRoot:          o.mount.allowRoot,
		DefaultPermissions: o.mount.defaultPermissions,
		AutoUnmount:        o.mount.autoUnmount,
		MountOptions:       o.mount.kernelFlags,
		EntryTimeout:       kernel.entryTimeout,
		AttrTimeout:        kernel.attrTimeout,
		NegativeTimeout:    kernel.negativeTimeout,
		UID:                o.owners.uid,
		GID:                o.owners.gid,
		Umask:              o.owners.umask,
		DirectIO:           kernel.directIO,
		KernelCache:        kernel.kernelCache,
		NoAutoCache:        kernel.noAutoCache,
		MaxRead:            uint32(kernel.maxRead),
		NoContainSymlinks:  o.symlinks.allowEscapes,
		TransformSymlinks:  o.symlinks.transformSymlinks,
		FollowSymlinks:     o.symlinks.followSymlinks,
		NoHardLinks:        o.mount.noHardLinks,
		RenameXDEV:         o.workarounds.renameXDEV,
		Observer:           observer,
		Logger:             log,
		Debug:              o.startup.debug,
	}
}
