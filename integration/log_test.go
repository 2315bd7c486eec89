package integration

import (
	"os"
	"regexp"
	"strings"
	"time"
)

// tail prints as the last lines of the log that it names, for messages about
// failures. If the program printed its goroutines at its end, those that were
// in the program's own code follow.
type tail struct{ path string }

func (t tail) String() string {
	const enough = 60
	content, err := os.ReadFile(t.path)
	if err != nil {
		return err.Error()
	}
	log, dump, _ := strings.Cut(strings.TrimSpace(string(content)), "SIGQUIT: ")
	lines := strings.Split(log, "\n")
	if len(lines) > enough {
		lines = lines[len(lines)-enough:]
	}
	return strings.Join(append(lines, ownGoroutines(dump)...), "\n")
}

// ownGoroutines returns the goroutines of a dump that are in the program's own
// code, with their calls from there on outwards.
func ownGoroutines(dump string) []string {
	var calls []string
	for block := range strings.SplitSeq(dump, "\n\n") {
		header, frames, _ := strings.Cut(block, "\n")
		own := false
		for line := range strings.Lines(frames) {
			first := !own && (strings.HasPrefix(line, "sftpmount/") || strings.HasPrefix(line, "main."))
			if first {
				calls = append(calls, header)
			}
			own = (own || first) && !strings.HasPrefix(line, "created by ")
			if own && !strings.HasPrefix(line, "\t") && !strings.HasPrefix(line, "runtime.") {
				calls = append(calls, "    "+strings.TrimSpace(line))
			}
		}
	}
	return calls
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

// waitForLog waits until the program has logged words.
func (m *mount) waitForLog(words string) {
	m.t.Helper()
	eventually(m.t, 30*time.Second, func() bool { return m.hasLogged(words) }, "%q in the log: %s", words, tail{m.log})
}

func (m *mount) hasLogged(words string) bool {
	log, err := os.ReadFile(m.log)
	return err == nil && strings.Contains(string(log), words)
}
