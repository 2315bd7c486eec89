// Package charset shows the names of a server in UTF-8 whose disk holds them in
// another character set.
//
// Every name of the server has one name here and is reached by it. Bytes that
// the character set does not know, or that it would not make again of their
// character, are shown as U+F780 to U+F7FF, one for each byte from 0x80 on
// (as x-user-defined of the WHATWG encoding standard has it), and are turned
// back into those bytes.
package charset

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
)

// A Charset converts names between a server's character set and UTF-8.
type Charset struct {
	encoding encoding.Encoding
}

// aliases are names that iconv(1) has besides.
var aliases = map[string]string{
	"cp936": "gbk", "euc-cn": "gbk", "cp932": "shift_jis", "cp949": "euc-kr", "cp950": "big5",
}

// Lookup finds a character set by one of its names in IANA's registry or the
// WHATWG encoding standard, in any case. It must hold ASCII as it is: others,
// such as UTF-16 and ISO-2022-JP, cannot be part of a path.
func Lookup(name string) (*Charset, error) {
	found, err := ianaindex.IANA.Encoding(name)
	if err != nil || found == nil {
		found, err = htmlindex.Get(cmp.Or(aliases[strings.ToLower(name)], name))
	}
	if err != nil {
		return nil, fmt.Errorf("unknown character set %q: name it as IANA or web pages do, such as GBK, Big5, Shift_JIS or ISO-8859-1", name)
	}
	for b := byte(1); b < utf8.RuneSelf; b++ {
		if out, err := found.NewDecoder().Bytes([]byte{b}); err != nil || string(out) != string(rune(b)) {
			return nil, fmt.Errorf("character set %q does not contain ASCII, and paths cannot be in it", name)
		}
	}
	return &Charset{encoding: found}, nil
}

// firstEscape stands for byte 0.
const firstEscape = 0xF700

func isEscape(r rune) bool {
	return r >= firstEscape+utf8.RuneSelf && r <= firstEscape+0xFF
}

// decode turns a name or path of the server into UTF-8.
func (c *Charset) decode(remote string) string {
	if isASCII(remote) {
		return remote
	}
	if local, ok := c.exactly(remote); ok {
		return local
	}
	var local strings.Builder
	for len(remote) > 0 {
		n, text := c.first(remote)
		local.WriteString(text)
		remote = remote[n:]
	}
	return local.String()
}

// longest is the most bytes that a character takes: four, in GB18030.
const longest = 4

// first decodes the first character of remote, which takes n bytes.
func (c *Charset) first(remote string) (n int, text string) {
	if remote[0] < utf8.RuneSelf {
		return 1, remote[:1]
	}
	for n := 1; n <= min(longest, len(remote)); n++ {
		if text, ok := c.exactly(remote[:n]); ok && utf8.RuneCountInString(text) == 1 {
			return n, text
		}
	}
	return 1, string(rune(firstEscape + int(remote[0])))
}

// exactly decodes remote if that can be turned back.
func (c *Charset) exactly(remote string) (string, bool) {
	local, err := c.encoding.NewDecoder().String(remote)
	if err != nil || strings.ContainsFunc(local, func(r rune) bool { return r == utf8.RuneError || isEscape(r) }) {
		return "", false
	}
	back, err := c.encoding.NewEncoder().String(local)
	return local, err == nil && back == remote
}

// encode turns a name or path in UTF-8 into the server's bytes. It is false if
// the server could have no such name: characters are missing in its character
// set, or its bytes would be shown in another way.
func (c *Charset) encode(local string) (string, bool) {
	if isASCII(local) {
		return local, true
	}
	if !utf8.ValidString(local) {
		return "", false
	}
	var remote strings.Builder
	for len(local) > 0 {
		n := strings.IndexFunc(local, isEscape)
		if n < 0 {
			n = len(local)
		}
		plain, err := c.encoding.NewEncoder().String(local[:n])
		if err != nil {
			return "", false
		}
		remote.WriteString(plain)
		local = local[n:]
		if local != "" {
			r, size := utf8.DecodeRuneInString(local)
			remote.WriteByte(byte(r - firstEscape))
			local = local[size:]
		}
	}
	return remote.String(), true
}

// toServer is encode for names that decode makes: no two of them are the same
// name of the server.
func (c *Charset) toServer(local string) (string, bool) {
	remote, ok := c.encode(local)
	if !ok || c.decode(remote) != local {
		return "", false
	}
	return remote, true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
