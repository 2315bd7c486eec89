package sshdial

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings holds ssh_config values by keyword in lower case. Where a keyword
// can be given several times, it has several values; otherwise the first
// counts.
type settings map[string][]string

func (s settings) first(keyword string) string {
	if v := s[keyword]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// differs reports whether keyword is set, and not to what builtin says.
func (s settings) differs(builtin settings, keyword string) bool {
	return len(s[keyword]) > 0 && !slices.Equal(s[keyword], builtin[keyword])
}

// settingsReader reads typed values and keeps the first error.
type settingsReader struct {
	set settings
	err error
}

func (r *settingsReader) fail(keyword, value, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("ssh_config: %s is %q, should be %s", keyword, value, want)
	}
}

func (r *settingsReader) word(keyword, otherwise string) string {
	if v := r.set.first(keyword); v != "" {
		return v
	}
	return otherwise
}

func (r *settingsReader) number(keyword string, otherwise int) int {
	v := r.set.first(keyword)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		r.fail(keyword, v, "a number")
	}
	return n
}

func (r *settingsReader) flag(keyword string, otherwise bool) bool {
	switch v := strings.ToLower(r.set.first(keyword)); v {
	case "":
		return otherwise
	case "no", "false":
		return false
	default:
		// Some have values between, such as PubkeyAuthentication=unbound.
		return true
	}
}

// choice returns the value, in today's spelling, if it is one of the choices.
// The first of them is the default.
func (r *settingsReader) choice(keyword string, choices ...string) string {
	v := strings.ToLower(r.set.first(keyword))
	switch v {
	case "":
		return choices[0]
	case "true":
		v = "yes"
	case "false", "off":
		v = "no"
	}
	if !slices.Contains(choices, v) {
		r.fail(keyword, v, "one of "+strings.Join(choices, ", "))
	}
	return v
}

func (r *settingsReader) list(keyword string, otherwise ...string) []string {
	if v := r.set.first(keyword); v != "" {
		return strings.Split(v, ",")
	}
	return otherwise
}

// bytes reads the first word of a RekeyLimit, such as 1G; 0 means the default.
func (r *settingsReader) bytes(keyword string) uint64 {
	v, _, _ := strings.Cut(r.set.first(keyword), " ")
	if v == "" || strings.EqualFold(v, "default") || strings.EqualFold(v, "none") {
		return 0
	}
	digits, shift := v, 0
	if unit := strings.IndexByte("KMG", v[len(v)-1]&^0x20); unit >= 0 {
		digits, shift = v[:len(v)-1], 10*(unit+1)
	}
	n, err := strconv.ParseUint(digits, 10, 33)
	if err != nil {
		r.fail(keyword, v, "a number of bytes such as 500M")
	}
	return n << shift
}

// typeOfService reads IPQoS: one name or number, or two, of which the second is
// for sessions without a terminal.
func (r *settingsReader) typeOfService(keyword string) int {
	words := strings.Fields(r.set.first(keyword))
	if len(words) == 0 {
		return -1
	}
	last := words[len(words)-1]
	if tos, ok := servicesByName[strings.ToLower(last)]; ok {
		return tos
	}
	tos, err := strconv.ParseUint(last, 0, 8)
	if err != nil {
		r.fail(keyword, last, "a name such as af21 or a number below 256")
		return -1
	}
	return int(tos)
}

// duration reads the TIME FORMATS of sshd_config(5), such as 90 or 1m30s.
func (r *settingsReader) duration(keyword string, otherwise time.Duration) time.Duration {
	v := strings.ToLower(r.set.first(keyword))
	if v == "" || v == "none" {
		return otherwise
	}
	units := map[byte]time.Duration{
		's': time.Second, 'm': time.Minute, 'h': time.Hour,
		'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
	}
	var sum time.Duration
	for rest := v; rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseInt(rest[:digits], 10, 32)
		unit := time.Second
		if rest = rest[digits:]; rest != "" {
			unit = units[rest[0]]
			rest = rest[1:]
		}
		if err != nil || unit == 0 {
			r.fail(keyword, v, "a time such as 90 or 1m30s")
			return otherwise
		}
		sum += time.Duration(n) * unit
	}
	return sum
}
