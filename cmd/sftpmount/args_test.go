package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A command line is split at "|", so that arguments can hold spaces.
func parse(line string) (*options, error) {
	if line == "" {
		return parseArgs(ourselves, nil)
	}
	return parseArgs(ourselves, strings.Split(line, "|"))
}

func TestOptionsStandAnywhere(t *testing.T) {
	for _, line := range []string{
		"-o|ro|-p|22|-f|host:/srv|/mnt",
		"host:/srv|-o|ro|/mnt|-p|22|-f",
		"host:/srv|/mnt|-oro|-p22|-f",
		"-fp22|host:/srv|/mnt|-o|ro",
		"-f|-p=22|-oro|--|host:/srv|/mnt",
		"host:/srv|/mnt|-f|-o|Port=22,ro",
		"host:/srv|/mnt|-f|-o|port=22|-o|ro",
	} {
		o, err := parse(line)
		require.NoError(t, err, line)
		assert.Equal(t, target{host: "host", dir: "/srv"}, o.target, line)
		assert.Equal(t, "/mnt", o.mountpoint, line)
		assert.Equal(t, []string{"ro"}, o.mount.kernelFlags, line)
		assert.Equal(t, []sshOption{{"Port", "22"}}, o.transport.ssh, line)
		assert.True(t, o.startup.foreground, line)
	}
}

func TestLaterOptionsOverrideEarlierOnes(t *testing.T) {
	o, err := parse("host:|/mnt|-p|1|-o|Port=2|-p|3|-o|dcache_timeout=7,dcache_dir_timeout=8,hard|-o|reconnect_timeout=9")
	require.NoError(t, err)
	assert.Equal(t, sshOption{"Port", "3"}, o.transport.ssh[len(o.transport.ssh)-1])
	assert.Equal(t, 7*time.Second, o.memory.statTimeout)
	assert.Equal(t, 8*time.Second, o.memory.dirTimeout)
	assert.False(t, o.link.hard)

	o, err = parse("host:|/mnt|-o|dcache_dir_timeout=8,dcache_timeout=7,reconnect_timeout=9,hard")
	require.NoError(t, err)
	assert.Equal(t, 7*time.Second, o.memory.dirTimeout)
	assert.True(t, o.link.hard)
}

func TestSplitOptions(t *testing.T) {
	for text, want := range map[string][]string{
		"":                  {},
		"a":                 {"a"},
		"a,b=c":             {"a", "b=c"},
		",a,,b,":            {"a", "b"},
		`fsname=a\,b,c`:     {"fsname=a,b", "c"},
		`fsname=a\\b`:       {`fsname=a\b`},
		`fsname=a\040b\054`: {"fsname=a b,"},
		`fsname=\400`:       {"fsname=400"},
		`fsname=a\`:         {`fsname=a\`},
	} {
		assert.ElementsMatch(t, want, splitOptions(text), text)
	}
}

func TestHelpAndVersionNeedNothingElse(t *testing.T) {
	for _, line := range []string{"-h", "--help", "host:|-h"} {
		o, err := parse(line)
		require.NoError(t, err, line)
		assert.True(t, o.help, line)
	}
	o, err := parse("-V")
	require.NoError(t, err)
	assert.True(t, o.version)
}

func TestWrongCommandLines(t *testing.T) {
	for line, message := range map[string]string{
		"":                     "no server given: sftpmount [user@]host:[dir] mountpoint; sftpmount -h explains",
		"host:":                "no mountpoint given: sftpmount host: mountpoint",
		"host:|":               "the mountpoint is empty: sftpmount host: mountpoint",
		"host:|/mnt|/mnt2":     `one argument too many: "/mnt2"; expected are a server and a mountpoint`,
		"/mnt|/srv":            `"/mnt" names no server: write it as host:directory or user@host:directory`,
		"host:|/mnt|-x":        "unknown flag -x: sftpmount -h lists all",
		"host:|/mnt|--readnly": "unknown flag --readnly: sftpmount -h lists all",
		"host:|/mnt|-o":        "flag -o needs an argument: sftpmount -h explains",
		"host:|/mnt|-F|":       "flag -F needs the name of a file: sftpmount -h explains",
		"host:|/mnt|-p|":       `option "port=": write it as Port=VALUE, see ssh_config(5)`,
		"host:|/mnt|-p|0":      `option "port=0": "0" is not a number from 1 to 65535`,
		"host:|/mnt|-p|70000":  `option "port=70000": "70000" is not a number from 1 to 65535`,
		"host:|/mnt|-p|ssh":    `option "port=ssh": "ssh" is not a number from 1 to 65535`,

		"host:|/mnt|-o|uid=":                   `option "uid=": "" is not a number to base 10`,
		"host:|/mnt|-o|uid":                    `option "uid" needs a value: uid=N`,
		"host:|/mnt|-o|hard=1":                 `option "hard" takes no value, but "1" was given`,
		"host:|/mnt|-o|umask=8":                `option "umask=8": "8" is not a number to base 8`,
		"host:|/mnt|-o|reconnect_timeout=-1":   `option "reconnect_timeout=-1": "-1" is not a number of seconds`,
		"host:|/mnt|-o|reconnect_timeout=NaN":  `option "reconnect_timeout=NaN": "NaN" is not a number of seconds`,
		"host:|/mnt|-o|dir_cache=on":           `option "dir_cache=on": "on" is neither yes nor no`,
		"host:|/mnt|-o|max_read=-1":            `option "max_read=-1": "-1" is not a whole number above 0`,
		"host:|/mnt|-o|allow_other,allow_root": `options "allow_other" and "allow_root" exclude each other: give one`,

		"host:|/mnt|-o|recconect":                 `unknown option "recconect": did you mean "reconnect"? sftpmount -h lists all`,
		"host:|/mnt|-o|identityfiel=x":            `unknown option "identityfiel": did you mean "IdentityFile"? sftpmount -h lists all`,
		"host:|/mnt|-o|workaround=renam":          `option "workaround=renam": unknown workaround "renam": did you mean "rename"?`,
		"host:|/mnt|-o|remote_charset=x":          `option "remote_charset=x": unknown character set "x": name it as IANA or web pages do, such as GBK, Big5, Shift_JIS or ISO-8859-1`,
		"host:|/mnt|-o|remote_charset=utf-16":     `option "remote_charset=utf-16": character set "utf-16" does not contain ASCII, and paths cannot be in it`,
		"host:|/mnt|-o|from_code=gbk":             `options "from_code" and "to_code" belong to modules=iconv: give that too, or remote_charset=NAME alone`,
		"host:/d|/mnt|-o|subdir=x":                `option "subdir" belongs to modules=subdir: give that too, or mount host:/d/x`,
		"host:|/mnt|-o|modules=subdir":            `option "modules=subdir" needs subdir=DIR`,
		"host:|/mnt|-o|modules=threadid":          `option "modules": "threadid" is none of libfuse's modules: iconv, subdir`,
		"host:|/mnt|-o|modules=iconv,to_code=gbk": `option "to_code=gbk": names are shown in UTF-8 only`,
		"host:|/mnt|-o|modules=iconv,from_code=x": `option "from_code=x": unknown character set "x": name it as IANA or web pages do, such as GBK, Big5, Shift_JIS or ISO-8859-1`,
		"host:|/mnt|-o|writeback_cache=yes":       `unknown option "writeback_cache": sftpmount -h lists all`,
		"host:|/mnt|-o|r0":                        `unknown option "r0": did you mean "ro"? sftpmount -h lists all`,
		"host:|/mnt|-o|frobnicate=1":              `unknown option "frobnicate": sftpmount -h lists all`,
		"host:|/mnt|-o|IdentityFile":              `option "IdentityFile": write it as IdentityFile=VALUE, see ssh_config(5)`,
		"host:|/mnt|-o|idmap=users":               `option "idmap=users": "users" is none of none, user, file, name`,
		"host:|/mnt|-o|ssh_command= ":             `option "ssh_command= ": it names no program`,
		"host:|/mnt|-o|transport=telnet":          `option "transport=telnet": "telnet" is none of native, ssh`,
		"host:|/mnt|-1":                           `option "ssh_protocol=1": only "2" is supported`,
		"-oProxyCommand=touch /tmp/x:/|/mnt2":     "no mountpoint given: sftpmount /mnt2 mountpoint",
		":/srv|/mnt":                              `":/srv" names no server before the colon: write it as host:directory`,
		"host:|/mnt|-o|vsock=2":                   `option "vsock=2": "2" is not CID:PORT, two numbers`,
		"host:|/mnt|-o|directport=ssh":            `option "directport=ssh": "ssh" is not a whole number above 0`,
		":|/mnt|-o|slave,password_stdin":          `options "passive" and "password_stdin" exclude each other: nobody asks for a password`,
	} {
		_, err := parse(line)
		assert.EqualError(t, err, message, line)
		assert.Equal(t, exitUsage, exitCode(err), line)
	}
}

// What mount(8) tells its helpers.
func TestParseHelperArgs(t *testing.T) {
	helper := persona{name: "sftpmount", helper: true}
	o, err := parseArgs(helper, strings.Fields(`sftpmount#host:/dir /mnt -sfnv -N /proc/1/ns/mnt -o ro,_netdev -t fuse.sftpmount -o frob,a=b`))
	require.NoError(t, err)
	assert.Equal(t, target{host: "host", dir: "/dir"}, o.target)
	assert.Equal(t, helperOptions{sloppy: true, fake: true, namespace: "/proc/1/ns/mnt"}, o.helper)
	assert.True(t, o.startup.verbose)
	assert.False(t, o.startup.foreground)
	assert.Equal(t, []string{"ro"}, o.mount.kernelFlags)
	assert.Equal(t, []string{"_netdev", "frob", "a=b"}, o.ignored)
	_, err = parseArgs(helper, strings.Fields(`host: /mnt -o frob`))
	require.ErrorContains(t, err, "frob")
	_, err = parseArgs(helper, strings.Fields(`host: /mnt -o user_id=0,rw,remount,group_id=0`))
	require.NoError(t, err)
	for code, want := range map[int]int{exitOK: 0, exitUsage: 1, exitConnect: 32, exitFailure: 32, exitSignal + 2: 8} {
		assert.Equal(t, want, helper.exitCode(code), code)
	}
}
