package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn/sshdial"
)

func TestOwnWay(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	mnt := filepath.Join(root, "mnt")
	require.NoError(t, os.Mkdir(mnt, 0o755))
	require.NoError(t, os.Symlink("mnt", filepath.Join(root, "link")))
	require.NoError(t, os.WriteFile(mnt+"/key", nil, 0o600))
	require.NoError(t, os.Symlink("mnt/key", filepath.Join(root, "key")))
	require.NoError(t, os.Symlink("../outside", mnt+"/out"))
	require.NoError(t, os.WriteFile(root+"/outside", nil, 0o600))

	good := []string{root + "/other", root + "/mnt2/key", root}
	bad := []string{mnt + "/key", mnt + "/not/there", root + "/key", root + "/link/not/there", mnt + "/out", mnt}
	for field, set := range map[string]func(o *options, cfg *sshdial.Config, path string){
		"-F FILE":                      func(o *options, _ *sshdial.Config, path string) { o.transport.configFile = path },
		"-o IdentityFile=FILE":         func(_ *options, cfg *sshdial.Config, path string) { cfg.IdentityFile = []string{"/k", path} },
		"-o CertificateFile=FILE":      func(_ *options, cfg *sshdial.Config, path string) { cfg.CertificateFile = []string{path} },
		"-o UserKnownHostsFile=FILE":   func(_ *options, cfg *sshdial.Config, path string) { cfg.UserKnownHostsFile = []string{path} },
		"-o GlobalKnownHostsFile=FILE": func(_ *options, cfg *sshdial.Config, path string) { cfg.GlobalKnownHostsFile = []string{path} },
		"-o RevokedHostKeys=FILE":      func(_ *options, cfg *sshdial.Config, path string) { cfg.RevokedHostKeys = path },
		"-o IdentityAgent=SOCKET":      func(_ *options, cfg *sshdial.Config, path string) { cfg.IdentityAgent = path },
	} {
		check := func(path string, viaJumpHost bool) error {
			o, cfg := defaultOptions(), new(sshdial.Config)
			set(o, cfg, path)
			if viaJumpHost {
				cfg = &sshdial.Config{Via: cfg}
			}
			return refuseOwnWay(mnt, neededFiles(o, cfg))
		}
		for _, path := range good {
			assert.NoError(t, check(path, false), "%s %s", field, path)
		}
		for i, path := range bad {
			err := check(path, i%2 == 1)
			require.Error(t, err, "%s %s", field, path)
			assert.Equal(t, exitMountpoint, exitCode(err))
			assert.Contains(t, err.Error(), path)
			assert.Contains(t, err.Error(), field)
		}
	}
	t.Setenv("HOME", mnt)
	require.ErrorContains(t, refuseOwnWay(mnt, neededFiles(defaultOptions(), new(sshdial.Config))), ".ssh/config")
	assert.Error(t, refuseOwnWay("/", []neededFile{{path: "/etc/key"}}))
}
