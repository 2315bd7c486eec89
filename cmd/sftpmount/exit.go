package main

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"unicode"
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
	exitSignal     = 128
)

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
	var e *exitError
	if errors.As(err, &e) {
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

// oneLine writes err on one line. Servers and libraries put line breaks into
// their messages, and terminal control sequences should not pass either.
func oneLine(err error) string {
	fields := strings.FieldsFunc(err.Error(), unicode.IsControl)
	return strings.Join(fields, " ")
}
