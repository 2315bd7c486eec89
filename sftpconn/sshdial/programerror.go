package sshdial

import (
	"io"
	"strings"
)

// programError is what an ssh program said last. It gives no other sign of why
// it ended: its exit status is 255.
type programError struct {
	line  string
	cause Cause
}

func (e *programError) Error() string { return "ssh: " + e.line }

// Unwrap tells of a missing subsystem, and that the program's output has ended.
func (e *programError) Unwrap() []error {
	if e.cause == CauseNoSubsystem {
		return []error{errNoSubsystem, io.EOF}
	}
	return []error{io.EOF}
}

// programFailures are words of OpenSSH's last lines, and what they mean.
var programFailures = []struct {
	words     string
	cause     Cause
	permanent bool
}{
	{"subsystem request failed", CauseNoSubsystem, true},
	{"Permission denied (", CauseLogin, true},
	{"Too many authentication failures", CauseLogin, true},
	{"Host key verification failed", CauseHostKey, true},
	{"no matching ", CauseAlgorithms, true},
	{"Could not resolve hostname", CauseUnknownHost, false},
	{"Connection refused", CauseRefused, false},
	{"timed out", CauseTimeout, false},
	{"No route to host", CauseTimeout, false},
	{"not responding", CauseTimeout, false},
	{"Bad configuration option", CauseOther, true},
}

// explainProgram finds out what the last line of a program means.
func explainProgram(line string) error {
	for _, failure := range programFailures {
		if strings.Contains(line, failure.words) {
			var err error = &programError{line, failure.cause}
			if failure.permanent {
				err = permanent(err)
			}
			return err
		}
	}
	return &programError{line, CauseOther}
}
