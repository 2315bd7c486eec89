package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// as is the beginning of a command that runs it as another user.
const as = "setpriv --reuid 65534 --regid 65533 --groups 65533,65532 "

// A mount that all users of this machine share, on a session of root's, is to
// them like a local disk.
func TestSharedMount(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become other users")
	}
	m := newMount(t, "-o", "allow_other,default_permissions")
	for dir := m.dir; dir != "/"; dir = filepath.Dir(dir) { // for the other user to come in
		info, err := os.Stat(dir)
		require.NoError(t, err)
		require.NoError(t, os.Chmod(dir, info.Mode()|0o755))
	}
	shell(t, m.remote, "mkdir -m 777 open; mkdir -m 2777 team; chgrp 7 team; mkdir -m 1777 sticky; mkdir -m 755 closed; touch closed/file")
	for _, test := range []struct {
		what, script string
		want         string // which it prints on the mount
	}{
		{"a file is its maker's", "umask 027; " + as + "touch open/a; stat -c %u:%g:%a open/a", "65534:65533:640"},
		{"with all bits of its mode", as + "perl -MFcntl -e 'umask 0; sysopen(F, \"open/b\", O_CREAT, 04755) or die'; stat -c %u:%g:%a open/b", "65534:65533:4755"},
		{"a folder", "umask 002; " + as + "mkdir open/d; stat -c %u:%g:%a open/d", "65534:65533:775"},
		{"a link", as + "ln -s x open/l; stat -c %u:%g open/l", "65534:65533"},
		{"a file that is there already stays whose it is", "touch open/e; chmod 666 open/e; " + as + "sh -c 'echo > open/e'; stat -c %u:%g open/e", "0:0"},
		{"the folder's group", as + "touch team/a; " + as + "mkdir team/d; stat -c %u:%g:%a team/a team/d", "65534:7:644 65534:7:2755"},
		{"root's are root's", "touch open/r; stat -c %u:%g open/r", "0:0"},
		{"its maker may change it", as + "sh -c 'chmod 600 open/a; chgrp 65532 open/a; touch -d @1000 open/a'; stat -c %u:%g:%a:%Y open/a", "65534:65532:600:1000"},
		{"others may not", "(" + as + "chmod 600 closed/file 2>&1 || true) | grep -o 'not permitted'", "not permitted"},
		{"nor give theirs away", "(" + as + "chown 1 open/a 2>&1 || true) | grep -o 'not permitted'", "not permitted"},
		{"nor write where they may not", "(" + as + "touch closed/new 2>&1 || true) | grep -o 'Permission denied'", "Permission denied"},
		{"nor remove another's from a sticky folder", "touch sticky/a; (" + as + "rm -f sticky/a 2>&1 || true) | grep -o 'not permitted'", "not permitted"},
		{"giving it away takes the set-ID bits", "chmod 6755 open/b; chown 1:1 open/b; stat -c %u:%g:%a open/b", "1:1:755"},
		{"so does a change of group by its owner", as + "sh -c 'touch open/f; chmod 6755 open/f; chgrp 65532 open/f'; stat -c %a open/f", "755"},
		{"and writing by others", "touch open/w; chmod 6777 open/w; " + as + "sh -c 'echo x >> open/w'; stat -c %a open/w", "777"},
		{"and cutting off", "chmod 6777 open/w; " + as + "sh -c ': > open/w'; stat -c %a open/w", "777"},
		{"and truncate", "chmod 6777 open/w; " + as + "truncate -s 5 open/w; stat -c %a open/w", "777"},
		{"but not root's writing", "chmod 6777 open/w; echo >> open/w; stat -c %a open/w", "6777"},
		{"the set-group-ID bit takes a group", as + "sh -c 'touch open/g'; chgrp 9 open/g; " + as + "chmod 2755 open/g; stat -c %a open/g", "755"},
		{"nothing changes for -1:-1", as + "perl -e 'chown -1, -1, \"closed/file\" or die'; stat -c %u:%g closed/file", "0:0"},
	} {
		out := shell(t, m.dir, test.script)
		assert.Equal(t, test.want, strings.Join(strings.Fields(out), " "), test.what)
		const owners = "find open team -mindepth 1 -printf '%p %U:%G:%m\n' | sort"
		assert.Equal(t, shell(t, m.remote, owners), shell(t, m.dir, owners), "%s: the server differs", test.what)
	}
}
