package sftpconn

import (
	"errors"
	"fmt"
	"io/fs"
)

var (
	// ErrNotSent says that the connection ended before the request reached
	// it: the server has not acted, and the request can safely be sent again.
	ErrNotSent = errors.New("connection to the server is closed")

	// ErrLost says that the connection ended while the reply was
	// outstanding: whether the server acted is not known.
	ErrLost = errors.New("connection to the server was lost")

	// ErrProtocol says that the server broke the SFTP protocol. The
	// connection is ended, since nothing further on it can be trusted.
	ErrProtocol = errors.New("server broke the SFTP protocol")

	// ErrText is an ErrProtocol: the server's shell prints text where SFTP
	// should start.
	ErrText = fmt.Errorf("%w: text where SFTP should start", ErrProtocol)

	// ErrNoServer says that the SFTP server on the other side ended without
	// a word.
	ErrNoServer = errors.New("the server did not start SFTP")
)

// afterActing is the error of an operation whose first request was carried out
// and whose further one failed with err: it may not say that nothing was done.
func afterActing(err error) error {
	if errors.Is(err, ErrNotSent) {
		return fmt.Errorf("%w: %v", ErrLost, err) //nolint:errorlint // it must not match ErrNotSent
	}
	return err
}

// StatusCode is an SSH_FX_* code (draft-ietf-secsh-filexfer-02, section 7).
type StatusCode uint32

// The codes of SFTP version 3. Servers answer most failures with StatusFailure,
// which also stands for the codes of later versions.
const (
	StatusOK               StatusCode = 0
	StatusEOF              StatusCode = 1
	StatusNoSuchFile       StatusCode = 2
	StatusPermissionDenied StatusCode = 3
	StatusFailure          StatusCode = 4
	StatusBadMessage       StatusCode = 5
	StatusNoConnection     StatusCode = 6
	StatusConnectionLost   StatusCode = 7
	StatusOpUnsupported    StatusCode = 8
)

// StatusError is a failure that the server reported.
type StatusError struct {
	Op      string // the request, such as "REMOVE"
	Path    string // what it was about, if it named a path
	Code    StatusCode
	Message string // the server's own words, untrusted
}

func (e *StatusError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%s: %q (SSH_FX code %d)", e.Op, e.Message, e.Code)
	}
	return fmt.Sprintf("%s %q: %q (SSH_FX code %d)", e.Op, e.Path, e.Message, e.Code)
}

// Is matches the io/fs errors that the code stands for, and
// errors.ErrUnsupported.
func (e *StatusError) Is(target error) bool {
	switch e.Code {
	case StatusNoSuchFile:
		return target == fs.ErrNotExist
	case StatusPermissionDenied:
		return target == fs.ErrPermission
	case StatusOpUnsupported:
		return target == errors.ErrUnsupported
	}
	return false
}
