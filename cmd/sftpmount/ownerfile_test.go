package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is wrong with a file of owners is said, and what to do.
func TestReadOwners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	lookup := func(name string) (uint32, error) {
		if name == "here" {
			return 7, nil
		}
		return 0, fmt.Errorf("no user here is called %q", name)
	}
	_, err := readOwners(path, lookup)
	require.ErrorContains(t, err, "no such file")
	for content, want := range map[string]string{
		"":                    "",
		"here:12\n\nhere:13":  "",
		"here 12\n":           "line 1: \"here 12\" is not of the form name:number",
		"here:12\n\nhere:x\n": "line 3: \"x\" is not a number",
		"other:12\n":          "line 1: no user here is called \"other\"",
		"here:4294967296\n":   "is not a number",
	} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		pairs, err := readOwners(path, lookup)
		if want != "" {
			assert.ErrorContains(t, err, want, content)
			continue
		}
		require.NoError(t, err)
		if content != "" {
			assert.Equal(t, map[uint32]uint32{7: 13}, pairs, "the last line counts")
		}
	}
	require.NoError(t, os.Chmod(path, 0o620))
	_, err = readOwners(path, lookup)
	require.ErrorContains(t, err, "chmod go-w")
	if os.Getuid() == 0 {
		require.NoError(t, os.Chown(path, 1, 1))
		_, err = readOwners(path, lookup)
		require.ErrorContains(t, err, "must belong to user 0")
	}
	_, err = (&ownerOptions{idmap: "file"}).ownerMap()
	require.ErrorContains(t, err, "needs uidfile=FILE")
}
