package integration

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Owners are shown, changed and given to new files as idmap says.
func TestIDMap(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root has files of others")
	}
	home := t.TempDir() // nobody has none, and no shell to start sftp-server
	require.NoError(t, os.Chown(home, ordinary, ordinary))
	s := startSSHD(t, "Subsystem sftp internal-sftp -d "+home)
	require.NoError(t, os.Chmod(filepath.Join(s.dir, "authorized_keys"), 0o644))
	require.NoError(t, os.Chmod(filepath.Dir(s.dir), 0o755)) // the test's own folder for temporary files
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "map")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	const daemon = "daemon:12345\nroot:0\n"
	const shared = ",allow_other,default_permissions"
	for _, test := range []struct {
		name    string
		user    string // who logs in
		options string
		script  string // on the mount
		want    string // which it prints
		there   string // owners of a, b and c on the server then, b as it was made
	}{
		{"none", "root", "idmap=none", "stat -c %u:%g b; touch a c; chown 1:1 c", "12345:12345\n", "0:0 12345:12345 1:1"},
		{
			"user", userName(t, ordinary), "idmap=user", "touch a; stat -c %u:%g a b; mkdir c", "0:0\n12345:12345\n",
			"65534:65534 12345:12345 65534:65534",
		},
		{
			"file", "root", "idmap=file,uidfile=" + file(daemon) + ",gidfile=" + file(daemon) + shared,
			"stat -c %U:%G b; touch a c; chown daemon c; setpriv --reuid 1 --regid 1 --clear-groups touch d; stat -c %U:%G d",
			"daemon:daemon\ndaemon:daemon\n", "0:0 12345:12345 12345:0",
		},
		{
			"file without an entry", "root", "idmap=file,uidfile=" + file("root:0\n"),
			"(stat b || true) 2>&1 | grep -o 'not permitted'; ls; touch a c; (chown daemon c || true) 2>&1 | grep -o 'not permitted'",
			"not permitted\nb\nnot permitted\n", "0:0 12345:12345 0:0",
		},
		{
			"file, ignoring that", "root", "nomap=ignore,idmap=file,uidfile=" + file("root:0\n"),
			"stat -c %u:%g b; touch a c; chown daemon c", "12345:12345\n", "0:0 12345:12345 1:0",
		},
		{
			"name", "root", "idmap=name", "stat -c %u:%g b; touch a c; chown daemon:daemon c; stat -c %U:%G c",
			"65534:65534\ndaemon:daemon\n", "0:0 12345:12345 1:1",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			remote := t.TempDir()
			require.NoError(t, os.Chmod(filepath.Dir(remote), 0o755))
			require.NoError(t, os.Chmod(remote, 0o777))
			shell(t, remote, "touch b; chown 12345:12345 b")
			m := mountAs(t, newClient(t, s, test.user, s.port), remote, "-o", test.options)
			assert.Equal(t, test.want, shell(t, m.dir, test.script))
			assert.Equal(t, test.there+"\n", shell(t, remote, "echo $(stat -c %u:%g a b c)"))
		})
	}
}
