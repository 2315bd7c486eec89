package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn/charset"
)

// Seen from the defaults, each option changes what it is about and nothing else.
func TestOptions(t *testing.T) {
	id, mask := uint32(1000), uint32(0o27)
	gbk, err := charset.Lookup("GBK")
	require.NoError(t, err)
	for text, change := range map[string]func(o *options){
		"hard":                  func(o *options) { o.link.hard = true },
		"reconnect_timeout=1.5": func(o *options) { o.link.reconnectTimeout = 1500 * time.Millisecond },
		"no_reconnect":          func(o *options) { o.link.noReconnect = true },
		"reconnect":             func(*options) {},

		"dcache_timeout=5": func(o *options) {
			o.memory.statTimeout, o.memory.dirTimeout, o.memory.linkTimeout = 5*time.Second, 5*time.Second, 5*time.Second
		},
		"cache_timeout=0":       func(o *options) { o.memory.statTimeout, o.memory.dirTimeout, o.memory.linkTimeout = 0, 0, 0 },
		"dcache_stat_timeout=5": func(o *options) { o.memory.statTimeout = 5 * time.Second },
		"dcache_dir_timeout=5":  func(o *options) { o.memory.dirTimeout = 5 * time.Second },
		"dcache_link_timeout=5": func(o *options) { o.memory.linkTimeout = 5 * time.Second },
		"dcache_max_size=5":     func(o *options) { o.memory.cacheSize = 5 },
		"dir_cache=no":          func(o *options) { o.memory.noDirCache = true },
		"cache=no":              func(o *options) { o.memory.noDirCache = true },
		"no_readahead":          func(o *options) { o.memory.noReadAhead = true },
		"async_close":           func(o *options) { o.memory.asyncClose = true },
		"sshfs_sync":            func(o *options) { o.memory.syncWrites = true },
		"sync_readdir":          func(o *options) { o.memory.syncReadDir = true },
		"direct_io":             func(o *options) { o.memory.kernel.directIO = true },
		"kernel_cache":          func(o *options) { o.memory.kernel.kernelCache = true },
		"auto_cache":            func(*options) {},
		"entry_timeout=2":       func(o *options) { o.memory.kernel.entryTimeout = 2 * time.Second },
		"attr_timeout=2":        func(o *options) { o.memory.kernel.attrTimeout = 2 * time.Second },
		"negative_timeout=2":    func(o *options) { o.memory.kernel.negativeTimeout = 2 * time.Second },
		"max_read=0":            func(*options) {},
		"max_read=65536":        func(o *options) { o.memory.kernel.maxRead = 65536 },

		"transform_symlinks":  func(o *options) { o.symlinks.transformSymlinks = true },
		"contain_symlinks":    func(*options) {},
		"no_contain_symlinks": func(o *options) { o.symlinks.allowEscapes = true },
		"follow_symlinks":     func(o *options) { o.symlinks.followSymlinks = true },

		"remote_charset=utf-8": func(*options) {},
		"remote_charset=GBK":   func(o *options) { o.names.charset = gbk },

		"uid=1000":     func(o *options) { o.owners.uid = &id },
		"gid=1000":     func(o *options) { o.owners.gid = &id },
		"umask=027":    func(o *options) { o.owners.umask = &mask },
		"idmap=none":   func(o *options) { o.owners.idmap = "none" },
		"idmap=name":   func(o *options) { o.owners.idmap = "name" },
		"uidfile=/a":   func(o *options) { o.owners.uidFile = "/a" },
		"gidfile=/a":   func(o *options) { o.owners.gidFile = "/a" },
		"nomap=ignore": func(o *options) { o.owners.nomap = "ignore" },
		"nomap=error":  func(o *options) { o.owners.nomap = "error" },

		"allow_other":         func(o *options) { o.mount.allowOther = true },
		"allow_root":          func(o *options) { o.mount.allowRoot = true },
		"default_permissions": func(o *options) { o.mount.defaultPermissions = true },
		"auto_unmount":        func(o *options) { o.mount.autoUnmount = true },
		"disable_hardlink":    func(o *options) { o.mount.noHardLinks = true },
		"context=a:b:c":       func(o *options) { o.mount.kernelFlags = []string{"context=a:b:c"} },
		"remount":             func(o *options) { o.mount.remount = true },
		"fsname=a b":          func(o *options) { o.mount.fsname = "a b" },
		"subtype=x":           func(o *options) { o.mount.subtype = "x" },
		"ro":                  func(o *options) { o.mount.kernelFlags = []string{"ro"} },
		"noatime":             func(o *options) { o.mount.kernelFlags = []string{"noatime"} },

		"password_stdin":         func(o *options) { o.transport.passwordStdin = true },
		"IDENTITYFILE=~/.ssh/id": func(o *options) { o.transport.ssh = []sshOption{{"IdentityFile", "~/.ssh/id"}} },
		"sftp_server=/bin/sftp":  func(o *options) { o.transport.sftpServer = "/bin/sftp" },
		"max_conns=4":            func(o *options) { o.transport.maxConns = 4 },
		"directport=115":         func(o *options) { o.transport.directPort = 115 },
		"vsock=3:22":             func(o *options) { o.transport.vsock = vsockAddress{3, 22} },
		"slave": func(o *options) {
			o.transport.passive, o.startup.foreground, o.link.noReconnect = true, true, true
		},
		"User=ann":                    func(o *options) { o.transport.ssh = []sshOption{{"User", "ann"}} },
		"Compression=yes":             func(o *options) { o.transport.ssh = []sshOption{{"Compression", "yes"}} },
		"transport=ssh":               func(o *options) { o.transport.transport = "ssh" },
		`ssh_command=ssh -o  A=b\\ c`: func(o *options) { o.transport.sshCommand = []string{"ssh", "-o", "A=b c"} },

		"workaround=none":               func(*options) {},
		"workaround=rename":             func(*options) {},
		"workaround=renamexdev:nofstat": func(o *options) { o.workarounds.renameXDEV = true },
		"workaround=truncate:fstat:notruncate:nobuflimit:nodelay": func(o *options) { o.workarounds.fstat = true },
		"workaround=fstat:none:createmode":                        func(o *options) { o.workarounds.createMode = true },

		"no_check_root": func(o *options) { o.startup.noCheckRoot = true },
		"delay_connect": func(o *options) { o.startup.delay = true },
		"verbose":       func(o *options) { o.startup.verbose = true },
		"setuid=ann":    func(o *options) { o.startup.setuid = "ann" },
		"debug":         func(o *options) { o.startup.debug, o.startup.foreground = true, true },
		"sshfs_debug":   func(o *options) { o.startup.debug, o.startup.foreground = true, true },
	} {
		want := defaultOptions()
		want.target, want.mountpoint = target{host: "host"}, "/mnt"
		change(want)
		got, err := parseArgs(ourselves, []string{"host:", "/mnt", "-o", text})
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

func TestIgnoredOptions(t *testing.T) {
	ignored := []string{"Cipher=x", "remember=60", "writeback_cache=no", "_netdev", "user=ann", "x-systemd.automount"}
	o, err := parse("host:|/mnt|-o|" + strings.Join(ignored, ","))
	require.NoError(t, err)
	assert.Equal(t, ignored, o.ignored)
}

func TestTableIsWhole(t *testing.T) {
	table, seen := defaultOptions().table(), map[string]bool{}
	for _, group := range table {
		for _, option := range group.options {
			assert.False(t, seen[option.name], "%s is listed twice", option.name)
			seen[option.name] = true
			assert.NotNil(t, option.set, option.name)
		}
	}
	for alias, name := range aliases {
		assert.False(t, seen[alias], "%s is an alias and listed, too", alias)
		assert.NotNil(t, find(table, alias), "%s stands for %s", alias, name)
	}
}

func TestHelpListsEveryOption(t *testing.T) {
	help := helpText(ourselves)
	for option := range listed(defaultOptions().table()) {
		assert.Contains(t, help, "-o "+option.name)
	}
	for line := range strings.Lines(help) {
		assert.LessOrEqual(t, len(line), 101, line)
	}
}

// The manual page is written by hand, and so can forget an option, or keep one that
// is gone.
func TestManualHasTheSameOptions(t *testing.T) {
	page, err := os.ReadFile("../../docs/sftpmount.1")
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(page), "\n.Sh OPTIONS\n")
	section, _, _ = strings.Cut(section, "\n.Sh ")
	var explained []string
	depth := 0 // of lists; in one within another there are values of an option
	for line := range strings.Lines(section) {
		switch {
		case strings.HasPrefix(line, ".Bl"):
			depth++
		case strings.HasPrefix(line, ".El"):
			depth--
		case depth == 1 && strings.HasPrefix(line, ".It Fl "):
			explained = append(explained, "-"+line[len(".It Fl "):][:1])
		case depth == 1 && strings.HasPrefix(line, ".It Cm "):
			for item := range strings.SplitSeq(strings.ReplaceAll(line[len(".It "):], "Cm ", ""), " , ") {
				explained = append(explained, strings.Fields(item)[0])
			}
		}
	}

	var names []string
	for _, flag := range completeFlags(usageText) {
		names = append(names, flag.text)
	}
	for option := range listed(defaultOptions().table()) {
		names = append(names, option.name)
	}
	assert.ElementsMatch(t, names, explained)
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

// Each keyword that is taken is explained.
func TestKeywordsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/ssh.md")
	require.NoError(t, err)
	rows := strings.ToLower(string(page))
	for _, keyword := range sshKeywords {
		assert.Regexp(t, `(?m)^\|[^|]*\b`+strings.ToLower(keyword)+`\b[^|]*\|`, rows)
	}
}
