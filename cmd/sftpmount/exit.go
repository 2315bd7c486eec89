package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"unicode"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sshdial"
)

// Exit codes, which the manual page documents.
const (
	exitOK         = 0
	exitFailure    = 1 // any other failure
	exitUsage      = 2 // the command line is wrong
	exitMountpoint = 3 // the mountpoint cannot be mounted on
	exitConnect    = 4 // the server cannot be reached or does not let us in
	exitDirectory  = 5 // the remote directory cannot be mounted
	exitMount      = 6 // FUSE refused the mount
	exitUnsent     = 7 // the mount ended with data that did not reach the server

	// What exitConnect stands for, where it can be told.
	exitUnknownHost = 10 // the host name does not resolve
	exitRefused     = 11 // nothing listens there
	exitTimeout     = 12 // no answer
	exitAlgorithms  = 13 // no algorithm in common
	exitHostKey     = 14 // the host key is not accepted
	exitLogin       = 15 // every login is refused
	exitKeyFile     = 16 // the same, and a private key is left out that others can read
	exitExpired     = 17 // the account or its password has expired
	exitNoSFTP      = 18 // the server has no SFTP
	exitText        = 19 // its shell prints text where SFTP should start

	exitSignal = 128
)

// mountExitCode returns what mount(8) exits with where this program exits with
// code.
func mountExitCode(code int) int {
	const usage, interrupted, failed = 1, 8, 32
	switch {
	case code == exitOK:
		return exitOK
	case code == exitUsage:
		return usage
	case code > exitSignal:
		return interrupted
	}
	return failed
}

// An exitError is a failure together with the code to exit with.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// exitCode returns the code that err stands for.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	return exitFailure
}

func failure(code int, format string, args ...any) error {
	return &exitError{code: code, err: fmt.Errorf(format, args...)}
}

func usageError(format string, args ...any) error {
	return failure(exitUsage, format, args...)
}

// interrupted is the failure of a program that a signal ended before the mount.
func interrupted(by syscall.Signal) error {
	return failure(exitSignal+int(by), "stopped (%v) before anything was mounted", by)
}

// causeCodes are the codes for a server that was not reached, by why it was not.
var causeCodes = map[sshdial.Cause]int{
	sshdial.CauseUnknownHost: exitUnknownHost,
	sshdial.CauseRefused:     exitRefused,
	sshdial.CauseTimeout:     exitTimeout,
	sshdial.CauseAlgorithms:  exitAlgorithms,
	sshdial.CauseHostKey:     exitHostKey,
	sshdial.CauseLogin:       exitLogin,
	sshdial.CauseKeyFile:     exitKeyFile,
	sshdial.CauseExpired:     exitExpired,
	sshdial.CauseNoSubsystem: exitNoSFTP,
	sshdial.CauseOption:      exitUsage,
}

// connectCode is the exit code for a server that was not reached.
func connectCode(err error) int {
	switch {
	case errors.Is(err, sftpconn.ErrText):
		return exitText
	case errors.Is(err, sftpconn.ErrNoServer):
		return exitNoSFTP
	}
	return cmp.Or(causeCodes[sshdial.CauseOf(err)], exitConnect)
}

// oneLine writes err on one line. Servers and libraries put line breaks into
// their messages, and terminal control sequences should not pass either.
func oneLine(err error) string {
	fields := strings.FieldsFunc(err.Error(), unicode.IsControl)
	return strings.Join(fields, " ")
}
