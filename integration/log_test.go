package integration

import (
	"os"
	"regexp"
	"strings"
)

// tail prints as the last lines of the file that it names, for messages about
// failures.
type tail struct{ path string }

func (t tail) String() string {
	const enough = 60
	content, err := os.ReadFile(t.path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	if len(lines) > enough {
		lines = lines[len(lines)-enough:]
	}
	return strings.Join(lines, "\n")
}

// complaint matches what a program in good order never logs.
var complaint = regexp.MustCompile(`panic|fatal error|DATA RACE|level=(WARN|ERROR)|goroutine \d+ \[`)

// complaints returns the lines of a log that are complaints and match none of
// expected.
func complaints(log string, expected []*regexp.Regexp) []string {
	var found []string
lines:
	for line := range strings.Lines(log) {
		if !complaint.MatchString(line) {
			continue
		}
		for _, e := range expected {
			if e.MatchString(line) {
				continue lines
			}
		}
		found = append(found, line)
	}
	return found
}
