package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An optionChanges says for options what each changes, seen from the defaults.
type optionChanges map[string]func(o *options)

func (changes optionChanges) check(t *testing.T) {
	t.Helper()
	for text, change := range changes {
		want := defaultOptions()
		want.target, want.mountpoint = target{host: "host"}, "/mnt"
		change(want)
		got, err := parseArgs(ourselves, []string{"host:", "/mnt", "-o", text})
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

func TestIgnoredOptions(t *testing.T) {
	optionChanges{
		"Cipher=x":            func(o *options) { o.ignored = []string{"Cipher=x"} },
		"remember=60":         func(o *options) { o.ignored = []string{"remember=60"} },
		"writeback_cache=no":  func(o *options) { o.ignored = []string{"writeback_cache=no"} },
		"_netdev":             func(o *options) { o.ignored = []string{"_netdev"} },
		"user=ann":            func(o *options) { o.ignored = []string{"user=ann"} },
		"x-systemd.automount": func(o *options) { o.ignored = []string{"x-systemd.automount"} },
	}.check(t)
}

func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, group := range defaultOptions().table() {
		for _, option := range group.options {
			assert.False(t, seen[option.name], "%s is listed twice", option.name)
			seen[option.name] = true
			assert.NotNil(t, option.set, option.name)
			assert.Equal(t, group.title != "", option.help != "", "%s has its help line", option.name)
		}
	}
}

func TestHelpListsEveryOption(t *testing.T) {
	help := helpText(ourselves)
	for _, group := range defaultOptions().table() {
		for _, option := range group.options {
			if option.help != "" {
				assert.Contains(t, help, "-o "+option.name)
			}
		}
	}
	for line := range strings.Lines(help) {
		assert.LessOrEqual(t, len(line), 101, line)
	}
}

// The manual page is written by hand, and so can forget an option, or keep one that
// is gone.
func TestManualHasTheSameOptions(t *testing.T) {
	page, err := os.ReadFile("../../docs/sftpmount.1")
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(page), "\n.Sh OPTIONS\n")
	section, _, _ = strings.Cut(section, "\n.Sh ")
	var explained []string
	depth := 0 // of lists; in one within another there are values of an option
	for line := range strings.Lines(section) {
		switch {
		case strings.HasPrefix(line, ".Bl"):
			depth++
		case strings.HasPrefix(line, ".El"):
			depth--
		case depth == 1 && strings.HasPrefix(line, ".It Fl "):
			explained = append(explained, "-"+line[len(".It Fl "):][:1])
		case depth == 1 && strings.HasPrefix(line, ".It Cm "):
			for item := range strings.SplitSeq(strings.ReplaceAll(line[len(".It "):], "Cm ", ""), " , ") {
				explained = append(explained, strings.Fields(item)[0])
			}
		}
	}

	var listed []string
	for _, flag := range completeFlags(usageText) {
		listed = append(listed, flag.text)
	}
	for _, group := range defaultOptions().table() {
		for _, option := range group.options {
			if option.help != "" {
				listed = append(listed, option.name)
			}
		}
	}
	assert.ElementsMatch(t, listed, explained)
}

func TestNearest(t *testing.T) {
	known := []string{"ro", "reconnect", "reconnect_timeout", "IdentityFile"}
	for name, want := range map[string]string{
		"recon":             "",
		"reconect":          "reconnect",
		"reconect_timeout":  "reconnect_timeout",
		"identity_file":     "IdentityFile",
		"rw":                "ro",
		"something_else_so": "",
	} {
		assert.Equal(t, want, nearest(name, known), name)
	}
}

// Each keyword that is taken is explained.
func TestKeywordsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/ssh.md")
	require.NoError(t, err)
	rows := strings.ToLower(string(page))
	for _, keyword := range sshKeywords {
		assert.Regexp(t, `(?m)^\|[^|]*\b`+strings.ToLower(keyword)+`\b[^|]*\|`, rows)
	}
}
