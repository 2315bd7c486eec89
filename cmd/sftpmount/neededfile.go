package main

import (
	"os"
	"path/filepath"
	"strings"

	"sftpmount/sftpconn/sshdial"
)

// A mount must not hide what its own connection needs: at the next login the
// program would wait for itself to read a key.

// A neededFile is one that is read or written while the mount is there.
type neededFile struct {
	what   string // in words
	path   string // absolute
	option string // that names another one
}

// neededFiles lists what the connection that cfg describes needs, with those to
// its jump hosts. Files that are not there count too, since they are looked for at
// each login.
func neededFiles(o *options, cfg *sshdial.Config) []neededFile {
	var files []neededFile
	add := func(what, option string, paths ...string) {
		for _, path := range paths {
			if path != "" {
				files = append(files, neededFile{what, path, option})
			}
		}
	}
	switch config := o.transport.configFile; config {
	case "none":
	case "":
		if home, err := os.UserHomeDir(); err == nil {
			add("ssh_config", "-F FILE", filepath.Join(home, ".ssh/config"))
		}
	default:
		if absolute, err := filepath.Abs(config); err == nil {
			add("ssh_config", "-F FILE", absolute)
		}
	}
	for ; cfg != nil; cfg = cfg.Via {
		add("key", "-o IdentityFile=FILE", cfg.IdentityFile...)
		add("certificate", "-o CertificateFile=FILE", cfg.CertificateFile...)
		add("list of known hosts", "-o UserKnownHostsFile=FILE", cfg.UserKnownHostsFile...)
		add("list of known hosts", "-o GlobalKnownHostsFile=FILE", cfg.GlobalKnownHostsFile...)
		add("list of revoked keys", "-o RevokedHostKeys=FILE", cfg.RevokedHostKeys)
		add("agent's socket", "-o IdentityAgent=SOCKET", cfg.IdentityAgent)
	}
	return files
}

// refuseOwnWay fails if one of files lies below the directory mountpoint, which
// must be absolute and free of symbolic links.
func refuseOwnWay(mountpoint string, files []neededFile) error {
	for _, file := range files {
		if isBelow(mountpoint, file.path) || isBelow(mountpoint, resolved(file.path)) {
			return failure(exitMountpoint, "a mount on %s would hide the %s %s that it needs itself, and hang: "+
				"name another one with %s, or mount elsewhere", mountpoint, file.what, file.path, file.option)
		}
	}
	return nil
}

func isBelow(dir, path string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// resolved follows the symbolic links in path, as far as it is there.
func resolved(path string) string {
	if followed, err := filepath.EvalSymlinks(path); err == nil {
		return followed
	}
	dir := filepath.Dir(path)
	if dir == path {
		return path
	}
	return filepath.Join(resolved(dir), filepath.Base(path))
}
