package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What each option changes, seen from the defaults.
func TestOptions(t *testing.T) {
	one, two := uint32(1000), uint32(0o27)
	for text, change := range map[string]func(o *options){
		"hard":                  func(o *options) { o.hard = true },
		"reconnect_timeout=1.5": func(o *options) { o.reconnectTimeout = 1500 * time.Millisecond },
		"no_reconnect":          func(o *options) { o.noReconnect = true },
		"reconnect":             func(*options) {},
		"dcache_timeout=5": func(o *options) {
			o.statTimeout, o.dirTimeout, o.linkTimeout = 5*time.Second, 5*time.Second, 5*time.Second
		},
		"cache_timeout=0":        func(o *options) { o.statTimeout, o.dirTimeout, o.linkTimeout = 0, 0, 0 },
		"dcache_stat_timeout=5":  func(o *options) { o.statTimeout = 5 * time.Second },
		"dcache_dir_timeout=5":   func(o *options) { o.dirTimeout = 5 * time.Second },
		"dcache_link_timeout=5":  func(o *options) { o.linkTimeout = 5 * time.Second },
		"dcache_max_size=5":      func(o *options) { o.cacheSize = 5 },
		"dir_cache=no":           func(o *options) { o.noDirCache = true },
		"cache=no":               func(o *options) { o.noDirCache = true },
		"no_readahead":           func(o *options) { o.noReadAhead = true },
		"sshfs_sync":             func(o *options) { o.syncWrites = true },
		"direct_io":              func(o *options) { o.directIO = true },
		"kernel_cache":           func(o *options) { o.kernelCache = true },
		"auto_cache":             func(*options) {},
		"entry_timeout=2":        func(o *options) { o.entryTimeout = 2 * time.Second },
		"attr_timeout=2":         func(o *options) { o.attrTimeout = 2 * time.Second },
		"negative_timeout=2":     func(o *options) { o.negativeTimeout = 2 * time.Second },
		"max_read=65536":         func(o *options) { o.maxRead = 65536 },
		"uid=1000":               func(o *options) { o.uid = &one },
		"gid=1000":               func(o *options) { o.gid = &one },
		"umask=027":              func(o *options) { o.umask = &two },
		"allow_other":            func(o *options) { o.allowOther = true },
		"allow_root":             func(o *options) { o.allowRoot = true },
		"default_permissions":    func(o *options) { o.defaultPermissions = true },
		"fsname=a b":             func(o *options) { o.fsname = "a b" },
		"subtype=x":              func(o *options) { o.subtype = "x" },
		"transform_symlinks":     func(o *options) { o.transformSymlinks = true },
		"contain_symlinks":       func(*options) {},
		"no_contain_symlinks":    func(o *options) { o.allowEscapes = true },
		"follow_symlinks":        func(o *options) { o.followSymlinks = true },
		"password_stdin":         func(o *options) { o.passwordStdin = true },
		"no_check_root":          func(o *options) { o.noCheckRoot = true },
		"idmap=none":             func(*options) {},
		"debug":                  func(o *options) { o.debug, o.foreground = true, true },
		"sshfs_debug":            func(o *options) { o.debug, o.foreground = true, true },
		"ro":                     func(o *options) { o.kernelFlags = []string{"ro"} },
		"noatime":                func(o *options) { o.kernelFlags = []string{"noatime"} },
		"_netdev":                func(o *options) { o.ignored = []string{"_netdev"} },
		"user=ann":               func(o *options) { o.ignored = []string{"user=ann"} },
		"x-systemd.automount":    func(o *options) { o.ignored = []string{"x-systemd.automount"} },
		"IDENTITYFILE=~/.ssh/id": func(o *options) { o.ssh = []sshOption{{"IdentityFile", "~/.ssh/id"}} },
		"User=ann":               func(o *options) { o.ssh = []sshOption{{"User", "ann"}} },
		"Compression=no":         func(*options) {},
		"Compression=yes": func(o *options) {
			o.warnings = []string{"compression is not supported yet: going on without it"}
		},
	} {
		want := defaultOptions()
		want.target, want.mountpoint = target{host: "host"}, "/mnt"
		change(want)
		got, err := parseArgs([]string{"host:", "/mnt", "-o", text})
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, group := range defaultOptions().table() {
		for _, option := range group.options {
			assert.False(t, seen[option.name], "%s is listed twice", option.name)
			seen[option.name] = true
			assert.NotNil(t, option.set, option.name)
			assert.Equal(t, group.title != "", option.help != "", "%s has its help line", option.name)
		}
	}
}

func TestHelpListsEveryOption(t *testing.T) {
	help := helpText()
	for _, group := range defaultOptions().table() {
		for _, option := range group.options {
			if option.help != "" {
				assert.Contains(t, help, "-o "+option.name)
			}
		}
	}
	for line := range strings.Lines(help) {
		assert.LessOrEqual(t, len(line), 101, line)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"ro", "reconnect", "reconnect_timeout", "IdentityFile"}
	for name, want := range map[string]string{
		"recon":             "",
		"reconect":          "reconnect",
		"reconect_timeout":  "reconnect_timeout",
		"identity_file":     "IdentityFile",
		"rw":                "ro",
		"something_else_so": "",
	} {
		assert.Equal(t, want, nearest(name, known), name)
	}
}
