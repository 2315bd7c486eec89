package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// knownHosts lists the names in the user's ssh_config and known_hosts.
func knownHosts() []string {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil
	}
	var names []string
	for _, file := range []string{filepath.Join(home, ".ssh/config"), "/etc/ssh/ssh_config"} {
		names = append(names, hostsOfConfig(file, 0)...)
	}
	for _, file := range []string{filepath.Join(home, ".ssh/known_hosts"), "/etc/ssh/ssh_known_hosts"} {
		for _, fields := range fieldsOf(file) {
			if strings.HasPrefix(fields[0], "@") && len(fields) > 1 { // @cert-authority
				fields = fields[1:]
			}
			for name := range strings.SplitSeq(fields[0], ",") {
				name, _, _ = strings.Cut(strings.TrimPrefix(name, "["), "]:")
				names = append(names, name)
			}
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		// Patterns, negations, hashed names and IPv6 addresses.
		return name == "" || strings.ContainsAny(name, "*?!|:")
	})
	slices.Sort(names)
	return slices.Compact(names)
}

// maxIncludes is how deep files may include each other, as in ssh.
const maxIncludes = 16

// hostsOfConfig lists what stands after Host in an ssh_config and those that it
// includes.
func hostsOfConfig(file string, depth int) []string {
	var names []string
	for _, fields := range fieldsOf(file) {
		switch keyword := strings.ToLower(fields[0]); {
		case keyword == "host":
			names = append(names, fields[1:]...)
		case keyword == "include" && depth < maxIncludes:
			for _, pattern := range fields[1:] {
				included, _ := filepath.Glob(includePath(file, pattern))
				for _, path := range included {
					names = append(names, hostsOfConfig(path, depth+1)...)
				}
			}
		}
	}
	return names
}

// includePath is where a file named by Include lies: a relative one is beside
// the file that names it.
func includePath(file, pattern string) string {
	if rest, ok := strings.CutPrefix(pattern, "~/"); ok {
		home, _ := os.UserHomeDir()
		return filepath.Join(home, rest)
	}
	if filepath.IsAbs(pattern) {
		return pattern
	}
	return filepath.Join(filepath.Dir(file), pattern)
}

// fieldsOf returns the words of each line that is neither empty nor a comment.
func fieldsOf(file string) [][]string {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil // then it knows no hosts
	}
	var lines [][]string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) > 0 && !strings.HasPrefix(fields[0], "#") {
			lines = append(lines, fields)
		}
	}
	return lines
}
