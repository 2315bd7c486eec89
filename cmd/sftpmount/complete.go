package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// Completion in shells. The scripts for them (dist/completions) hand on the
// words of the command line and show what comes back, so that they never know
// other options than the program does.

// A candidate is one way to complete a word.
type candidate struct {
	text string
	help string
}

// What a shell completes by itself. No option or host is spelled so.
const (
	shellFiles = ":files"
	shellDirs  = ":dirs"
)

// showCandidates prints a line for each way to complete the last of words, which
// are those after the program's name: the whole word, a tab, and what it means.
func showCandidates(words []string) error {
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	var lines strings.Builder
	for _, c := range complete(words) {
		fmt.Fprintf(&lines, "%s\t%s\n", c.text, c.help)
	}
	_, err := os.Stdout.WriteString(lines.String())
	return err
}

func complete(words []string) []candidate {
	before, word := words[:len(words)-1], words[len(words)-1]
	previous := ""
	if len(before) > 0 {
		previous = before[len(before)-1]
	}
	if c := ourselves.findCommand(before); c != nil {
		return completeCommand(c, word)
	}
	switch {
	case previous == "-o" || previous == "--options":
		return completeOption(word)
	case previous == "-F" || previous == "--config":
		return []candidate{{text: shellFiles}}
	case previous == "-p" || previous == "--port":
		return nil
	case strings.HasPrefix(word, "-o"):
		return prefixed("-o", completeOption(word[2:]))
	case strings.HasPrefix(word, "-"):
		return starting(word, completeFlags(usageText))
	}
	return completePlace(before, word)
}

func completeCommand(c *command, word string) []candidate {
	switch {
	case strings.HasPrefix(word, "-"):
		return starting(word, completeFlags(c.usage))
	case c.mounts:
		return starting(word, ownMounts())
	}
	return nil
}

// completePlace completes a word that is neither flag nor option.
func completePlace(before []string, word string) []candidate {
	switch places(before) {
	case 0:
		if strings.Contains(word, ":") { // a directory there, which asking for would need a login
			return nil
		}
		candidates := completeHost(word)
		for _, c := range commands() {
			if c.help != "" && len(before) == 0 && strings.HasPrefix(c.name, word) {
				candidates = append(candidates, candidate{c.name, c.help})
			}
		}
		return candidates
	case 1:
		return []candidate{{text: shellDirs}}
	}
	return nil
}

// places counts the words that are neither flags nor their arguments.
func places(words []string) int {
	count := 0
	for i := 0; i < len(words); i++ {
		switch word := words[i]; {
		case word == "-o" || word == "-p" || word == "-F":
			i++
		case !strings.HasPrefix(word, "-"):
			count++
		}
	}
	return count
}

// completeFlags lists the flags that a usage text explains.
func completeFlags(usage string) []candidate {
	var candidates []candidate
	for line := range strings.Lines(usage) {
		if flag, help, ok := strings.Cut(strings.TrimSpace(line), "  "); ok && strings.HasPrefix(flag, "-") {
			name, _, _ := strings.Cut(flag, " ")
			candidates = append(candidates, candidate{name, strings.TrimSpace(help)})
		}
	}
	return candidates
}

// completeOption completes the last of the options in word.
func completeOption(word string) []candidate {
	done, last := word[:strings.LastIndexByte(word, ',')+1], word[strings.LastIndexByte(word, ',')+1:]
	name, value, hasValue := strings.Cut(last, "=")
	table := defaultOptions().table()
	if hasValue {
		option := find(table, name)
		if option == nil || !strings.Contains(option.arg, "|") {
			return nil
		}
		var values []candidate
		for v := range strings.SplitSeq(option.arg, "|") {
			values = append(values, candidate{v, ""})
		}
		return prefixed(done+name+"=", starting(value, values))
	}
	var candidates []candidate
	for option := range listed(table) {
		text := option.name
		if option.arg != "" {
			text += "="
		}
		candidates = append(candidates, candidate{text, option.help})
	}
	for _, flag := range kernelFlags {
		candidates = append(candidates, candidate{flag, "see mount(8)"})
	}
	for _, keyword := range sshKeywords {
		candidates = append(candidates, candidate{keyword + "=", "see ssh_config(5)"})
	}
	return prefixed(done, starting(last, candidates))
}

// completeHost completes [user@]host to what a directory can follow.
func completeHost(word string) []candidate {
	user, host := word[:strings.LastIndexByte(word, '@')+1], word[strings.LastIndexByte(word, '@')+1:]
	var candidates []candidate
	for _, name := range knownHosts() {
		candidates = append(candidates, candidate{name + ":", "server"})
	}
	return prefixed(user, starting(host, candidates))
}

// ownMounts lists the mountpoints that this program serves.
func ownMounts() []candidate {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("fuse." + defaultOptions().mount.subtype))
	if err != nil {
		return nil
	}
	var candidates []candidate
	for _, m := range mounts {
		candidates = append(candidates, candidate{m.Mountpoint, m.Source})
	}
	return candidates
}

func starting(prefix string, candidates []candidate) []candidate {
	return slices.DeleteFunc(candidates, func(c candidate) bool { return !strings.HasPrefix(c.text, prefix) })
}

func prefixed(prefix string, candidates []candidate) []candidate {
	for i := range candidates {
		candidates[i].text = prefix + candidates[i].text
	}
	return candidates
}
