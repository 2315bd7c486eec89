package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSSHOverrides(t *testing.T) {
	o, err := parse("host:|/mnt|-p|22|-o|user=x,IdentityFile=a,ciphers=c1|-o|Port=23,identityfile=b|-oCiphers=c2")
	require.NoError(t, err)
	assert.Equal(t, []string{"IdentityFile=a", "Port=23", "IdentityFile=b", "Ciphers=c2"}, o.transport.sshOverrides())
}

func TestZeroSecondsAreNotTheDefault(t *testing.T) {
	o, err := parse("host:|/mnt|-o|dcache_timeout=0,reconnect_timeout=0")
	require.NoError(t, err)
	cached := o.cacheOptions(nil)
	assert.Negative(t, cached.AttrTimeout)
	assert.Negative(t, cached.DirTimeout)
	assert.Negative(t, cached.LinkTimeout)
	assert.Negative(t, cached.NegativeTimeout)
	assert.Negative(t, cached.CloseTimeout)
	assert.Equal(t, time.Duration(1), o.reconnectOptions(nil).Timeout)
}

func TestMountShowsItsSource(t *testing.T) {
	o, err := parse("ann@[::1]:src|/mnt")
	require.NoError(t, err)
	assert.Equal(t, "ann@[::1]:src", o.fuseOptions("/home/ann/src", nil, nil).FsName)
	o, err = parse("ann@[::1]:src|/mnt|-o|fsname=other")
	require.NoError(t, err)
	assert.Equal(t, "other", o.fuseOptions("/home/ann/src", nil, nil).FsName)
}

func TestReadPassword(t *testing.T) {
	for text, want := range map[string]string{"secret\n": "secret", "se cret": "se cret", "a\r\nb\n": "a"} {
		got, err := readPassword(strings.NewReader(text))
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
	_, err := readPassword(strings.NewReader("\n"))
	assert.EqualError(t, err, `option "password_stdin": standard input holds no password`)
}
