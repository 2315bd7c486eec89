package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseTarget(t *testing.T) {
	for text, want := range map[string]target{
		"host:":                      {host: "host"},
		"host:/srv/data":             {host: "host", dir: "/srv/data"},
		"ann@host:src":               {user: "ann", host: "host", dir: "src"},
		"host:~ann/src":              {host: "host", dir: "~ann/src"},
		"host:/with:colon@and[x]":    {host: "host", dir: "/with:colon@and[x]"},
		"ann@corp.example@host:/a b": {user: "ann@corp.example", host: "host", dir: "/a b"},
		"[::1]:/srv":                 {host: "::1", dir: "/srv"},
		"ann@[fe80::1%eth0]:":        {user: "ann", host: "fe80::1%eth0"},
		"[host]:dir":                 {host: "host", dir: "dir"},
		"192.0.2.1:/":                {host: "192.0.2.1", dir: "/"},
		":/srv":                      {dir: "/srv"},
	} {
		got, err := parseTarget(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

func TestParseTargetRefuses(t *testing.T) {
	for text, message := range map[string]string{
		"":                     `"" names no server: write it as host:directory or user@host:directory`,
		"host":                 `"host" names no server: write it as host:directory or user@host:directory`,
		"/srv/a:b":             `"/srv/a:b" names no server: write it as host:directory or user@host:directory`,
		"ann@:/srv":            `"ann@:/srv" names no server before the colon: write it as host:directory`,
		"@host:/srv":           `"@host:/srv" has an empty user name: leave the @ out to log in as ssh_config says`,
		"[]:/srv":              `"[]:/srv" names no server before the colon: write it as host:directory`,
		"::1:/srv":             `"::1:/srv": an IPv6 address needs brackets: [::1]:/srv`,
		"ann@2001:db8::7:/srv": `"ann@2001:db8::7:/srv": an IPv6 address needs brackets: [2001:db8::7]:/srv`,
		"-oProxyCommand=x:/":   `invalid hostname "-oProxyCommand=x": it starts with "-"`,
		"ann@-v:/":             `invalid hostname "-v": it starts with "-"`,
		"-l@host:/":            `invalid username "-l": it starts with "-"`,
		"[-v]:/":               `invalid hostname "-v": it starts with "-"`,
		"a b:/":                `host name "a b" contains white space or control characters`,
		"a\nb@host:/":          `user name "a\nb" contains white space or control characters`,
		"host:/a\x00":          `directory "/a\x00" contains a NUL byte`,
	} {
		_, err := parseTarget(text)
		assert.EqualError(t, err, message, "%q", text)
		assert.Equal(t, exitUsage, exitCode(err))
	}
}

func TestTargetString(t *testing.T) {
	for _, text := range []string{"host:", "ann@host:/srv", "[::1]:/srv", "ann@[::1]:"} {
		parsed, err := parseTarget(text)
		require.NoError(t, err)
		assert.Equal(t, text, parsed.String())
	}
}
