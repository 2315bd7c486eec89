package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestComplete(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	ssh := filepath.Join(home, ".ssh")
	require.NoError(t, os.Mkdir(ssh, 0o700))
	for name, content := range map[string]string{
		"config":      "Include more.conf\nhost alpha *.example.org !not\n  HostName a.example.org\n# Host comment\n",
		"more.conf":   "Host included\nInclude config\n",
		"known_hosts": "beta,10.0.0.1 ssh-ed25519 AAAA\n[gamma]:2222 ssh-ed25519 AAAA\n|1|hash|hash ssh-ed25519 AAAA\n@cert-authority delta ssh-ed25519 AAAA\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(ssh, name), []byte(content), 0o600))
	}
	for line, want := range map[string]string{
		"al":                       "alpha:",
		"ann@":                     "ann@10.0.0.1: ann@alpha: ann@beta: ann@delta: ann@gamma: ann@included:",
		"v":                        "version",
		"version ":                 "",
		"status --":                "--json --watch",
		"list -":                   "",
		"alpha:/d":                 "",
		"alpha: ":                  ":dirs",
		"alpha: /mnt ":             "",
		"-o ro alpha: ":            ":dirs",
		"-f -p 22 be":              "beta:",
		"-F ":                      ":files",
		"-p ":                      "",
		"-":                        "-o -p -F -C -r -f -v -d -h -V",
		"-o dir_":                  "dir_cache=",
		"-o ro,dir_":               "ro,dir_cache=",
		"-o ro,dir_cache=":         "ro,dir_cache=yes ro,dir_cache=no",
		"-o uid=":                  "",
		"-oServerAliveI":           "-oServerAliveInterval=",
		"alpha: /mnt -o reconnect": "reconnect_timeout= reconnect",
	} {
		var got []string
		for _, c := range complete(strings.Split(line, " ")) {
			got = append(got, c.text)
		}
		assert.ElementsMatch(t, strings.Fields(want), got, "%q", line)
	}
}

// Every option that the help lists can be completed.
func TestCompleteKnowsEveryOption(t *testing.T) {
	for option := range listed(defaultOptions().table()) {
		found := false
		for _, c := range completeOption(option.name) {
			found = found || strings.TrimSuffix(c.text, "=") == option.name && c.help == option.help
		}
		assert.True(t, found, option.name)
	}
}

func TestVersionCommand(t *testing.T) {
	code, stdout, stderr := runProgram(t, "version")
	assert.Equal(t, exitOK, code)
	assert.Regexp(t, `^sftpmount version \S+\ncommit .+\nbuilt with go\S+.* for linux/\w+\n$`, stdout)
	assert.Empty(t, stderr)
	for _, flag := range []string{"-h", "--help"} {
		code, stdout, _ = runProgram(t, "version", flag)
		assert.Equal(t, exitOK, code)
		assert.Equal(t, versionUsage, stdout)
	}
	code, _, stderr = runProgram(t, "version", "now")
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, "now")
}
