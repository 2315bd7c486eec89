package charset

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func lookup(t testing.TB, name string) *Charset {
	t.Helper()
	c, err := Lookup(name)
	require.NoError(t, err)
	return c
}

func TestNames(t *testing.T) {
	for _, test := range []struct{ charset, remote, local string }{
		{"GBK", "\xd6\xd0\xce\xc4.txt", "中文.txt"},
		{"CP936", "\xd6\xd0", "中"},
		{"gb18030", "\x94\x39\xfc\x36", "😀"},
		{"Big5", "\xa4\xa4\xa4\xe5", "中文"},
		{"Shift_JIS", "\x93\xfa\x96\x7b\x8c\xea", "日本語"},
		{"Shift_JIS", "\x83\x5c\x83\x74\x83\x67", "ソフト"}, // 0x5C is half a character
		{"EUC-KR", "\xc7\xd1\xb1\xdb", "한글"},
		{"ISO-8859-1", "na\xefve", "naïve"},
		{"latin1", "na\xefve", "naïve"},
		{"KOI8-R", "\xc6\xc1\xca\xcc", "файл"},
		{"IBM850", "\x81ber", "über"},
		{"GBK", "plain ASCII", "plain ASCII"},
		{"GBK", "/dir/\xd6\xd0/\xce\xc4", "/dir/中/文"},
		{"GBK", "\xff\xd6\xd0\xff", "\uf7ff中\uf7ff"},     // no characters
		{"GBK", "\xd6", "\uf7d6"},                        // half of one
		{"GBK", "\xd6/\xd6", "\uf7d6/\uf7d6"},            // two halves
		{"GBK", "\xd6.", "\uf7d6."},                      // "." is no second half
		{"Big5", "\x88\x62", "\uf788b"},                  // two characters in Unicode
		{"ISO-8859-1", "\x80\xff", "\u0080ÿ"},            // all bytes are characters
		{"windows-1253", "\xaa\xe1", "\uf7aaα"},          // a gap in the table
		{"x-user-defined", "a\x80\xff", "a\uf780\uf7ff"}, // escapes alone
	} {
		c := lookup(t, test.charset)
		assert.Equal(t, test.local, c.decode(test.remote), "%s: %q", test.charset, test.remote)
		remote, ok := c.toServer(test.local)
		assert.True(t, ok, "%s: %q", test.charset, test.local)
		assert.Equal(t, test.remote, remote, "%s: %q", test.charset, test.local)
	}
}

func TestNamesThatTheServerCannotHave(t *testing.T) {
	for charset, names := range map[string][]string{
		"GBK":        {"😀", "한글", "\xd6\xd0", "a\xffb", "\uf7d6\uf7d0", "\uf700", "\uf77f", "�"},
		"ISO-8859-1": {"中", "€", "\uf7e9"}, // the last is é
		"Shift_JIS":  {"ï", "\uf783\uf75c"},
	} {
		for _, name := range names {
			_, ok := lookup(t, charset).toServer(name)
			assert.False(t, ok, "%s: %q", charset, name)
		}
	}
}

func TestLookup(t *testing.T) {
	for _, name := range []string{"", "klingon", "UTF-16", "ISO-2022-JP", "HZ-GB-2312", "IBM037", "utf-16le"} {
		_, err := Lookup(name)
		require.ErrorContains(t, err, "character set", name)
	}
}

// Every name of a server is shown as one that can be a name here, and that
// leads back to it.
func FuzzEveryNameIsReachable(f *testing.F) {
	charsets := []*Charset{}
	for _, name := range strings.Fields("GBK GB18030 Big5 Shift_JIS EUC-JP EUC-KR ISO-8859-1 windows-1252 windows-1253 KOI8-R macintosh") {
		charsets = append(charsets, lookup(f, name))
	}
	for _, seed := range []string{"a", "\xd6\xd0", "\x81\x30\x81\x30", "\x8f\xa2\xaf", "..\xff", "\x88\x62\xa5", "\xef\x9f\x96", "\\\x83\x5c"} {
		f.Add([]byte(seed))
	}
	for first := 0x80; first < 0x100; first += 5 { // so that plain tests see many
		var pairs []byte
		for second := range 256 {
			pairs = append(pairs, byte(first), byte(second), 'x')
		}
		f.Add(pairs)
	}
	f.Fuzz(func(t *testing.T, name []byte) {
		for _, c := range charsets {
			local := c.decode(string(name))
			require.True(t, utf8.ValidString(local))
			require.Equal(t, strings.Count(string(name), "/"), strings.Count(local, "/"))
			require.Equal(t, strings.Count(string(name), "."), strings.Count(local, "."))
			require.Equal(t, strings.Count(string(name), "\x00"), strings.Count(local, "\x00"))
			remote, ok := c.toServer(local)
			require.True(t, ok)
			require.Equal(t, string(name), remote)
		}
	})
}
