package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestModules(t *testing.T) {
	o, err := parse("host:|/mnt|-o|modules=iconv:subdir,from_code=latin1,to_code=utf8,subdir=/a/b/,rellinks")
	require.NoError(t, err)
	assert.NotNil(t, o.names.charset)
	assert.True(t, o.symlinks.transformSymlinks)
	for line, dir := range map[string]string{
		"host:":                                    "",
		"host:/|-o|modules=subdir,subdir=a":        "/a",
		"host:|-o|modules=subdir,subdir=a/":        "a",
		"host:/srv/|-o|modules=subdir,subdir=/a/b": "/srv/a/b",
		"host:~|-o|modules=subdir,subdir=../a":     "~/a",
	} {
		o, err := parse(line + "|/mnt")
		require.NoError(t, err, line)
		assert.Equal(t, dir, o.remoteDir(), line)
	}
}
