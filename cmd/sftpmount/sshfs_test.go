package main

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sshfsDoc has a row of docs/sshfs.md for each option.
func sshfsDoc(t *testing.T) map[string]string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/sshfs.md")
	require.NoError(t, err)
	rows := map[string]string{}
	for line := range strings.Lines(string(doc)) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		first, _, _ := strings.Cut(line[1:], "|")
		for _, code := range regexp.MustCompile("`[^`]+`").FindAllString(first, -1) {
			rows[strings.Trim(code, "`")] = line
		}
	}
	return rows
}

// sample gives a value to an option as the table writes it.
var sample = strings.NewReplacer(
	"=NAME", "=name", "=N", "=8", "=M", "=022", "=T", "=1", "=PORT", "=22", "=FILE", "=/etc/passwd", "=CMD", "=ssh",
	" PORT", " 22", " FILE", " /dev/null", "=SERV", "=sftp", "=CID:PORT", "=2:22", "=CHARSET", "=UTF-8", "=DIR", "=dir", "=TEXT", "=text", "=C", "=c",
)

// Each option in the table is taken, or refused where the table says so.
func TestSSHFSTableIsTrue(t *testing.T) {
	rows := sshfsDoc(t)
	require.Greater(t, len(rows), 100)
	for name, row := range rows {
		args := []string{"host:", "/mnt", "-o", sample.Replace(name)}
		switch {
		case strings.HasPrefix(name, "-"):
			args = append([]string{"host:", "/mnt"}, strings.Fields(sample.Replace(name))...)
		case name == "SSHOPT=VAL" || name == "x-*":
			continue
		case name == "to_code=CHARSET" || name == "from_code=CHARSET":
			args = append(args, "-o", "modules=iconv")
		case name == "subdir=DIR":
			args = append(args, "-o", "modules=subdir")
		case name == "modules=subdir":
			args = append(args, "-o", "subdir=x")
		case name == "Cipher" || strings.Contains(row, "ssh has dropped them"):
			args[3] = name + "=x"
		case name == "max_conns=N":
			args[3] = "max_conns=2"
		}
		_, err := parseArgs(asSSHFS, args)
		if strings.Contains(row, "| refused |") {
			assert.Error(t, err, "docs/sshfs.md says that %s is refused", name)
		} else {
			assert.NoError(t, err, "docs/sshfs.md says that %s is taken", name)
		}
	}
}

// sshfsOptions are the options that "sshfs -h" of version 3.7.6 lists.
var sshfsOptions = strings.Fields(`-h --help -V --version -f -s -p -C -F -1 -d --debug -v --verbose
	reconnect delay_connect sshfs_sync no_readahead sync_readdir dir_cache dcache_max_size dcache_timeout
	dcache_stat_timeout dcache_link_timeout dcache_dir_timeout dcache_clean_interval dcache_min_clean_interval
	direct_io workaround idmap uidfile gidfile nomap ssh_command ssh_protocol sftp_server directport passive
	disable_hardlink transform_symlinks contain_symlinks no_contain_symlinks follow_symlinks no_check_root
	password_stdin max_conns vsock SSHOPT
	kernel_cache auto_cache noauto_cache no_rofd_flush umask uid gid entry_timeout negative_timeout attr_timeout
	ac_attr_timeout noforget remember modules allow_other allow_root auto_unmount subdir rellinks norellinks
	from_code to_code`)

func TestSSHFSTableIsWhole(t *testing.T) {
	known := map[string]bool{}
	for code := range sshfsDoc(t) {
		name, _, _ := strings.Cut(code, "=")
		name, _, _ = strings.Cut(name, " ")
		known[name] = true
	}
	for _, name := range append(sshfsOptions, installedSSHFSOptions(t)...) {
		assert.True(t, known[name], "docs/sshfs.md lacks %s", name)
	}
	for _, workaround := range strings.Fields("none rename renamexdev truncate buflimit fstat createmode") {
		assert.Contains(t, sshfsDoc(t), "workaround="+workaround)
	}
}

// installedSSHFSOptions asks the sshfs on this machine, if there is one.
func installedSSHFSOptions(t *testing.T) []string {
	t.Helper()
	help, err := exec.Command("sshfs", "-h").Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil
	}
	require.NoError(t, err)
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^ +-o (?:\[no\])?([a-z_]+)(?:[= ]|$)`).FindAllStringSubmatch(string(help), -1) {
		if match[1] != "opt" && match[1] != "dcache_" {
			names = append(names, match[1])
		}
	}
	require.Greater(t, len(names), 30)
	return names
}
