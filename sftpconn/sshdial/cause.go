package sshdial

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// Cause is why a server was not reached, for those who act on it: scripts tell
// causes apart by the program's exit code.
type Cause int

// Causes of a failed [Resolve], [Way.Dial] or [Client.OpenChannel].
const (
	CauseOther       Cause = iota
	CauseUnknownHost       // the name does not resolve
	CauseRefused           // nothing listens at the address
	CauseTimeout           // no answer in time, or no way to the address
	CauseAlgorithms        // no algorithm in common
	CauseHostKey           // the host key was not accepted
	CauseLogin             // every login was refused
	CauseKeyFile           // the same, and a private key was left out that others can read
	CauseExpired           // the account or its password has expired
	CauseNoSubsystem       // no SFTP subsystem
	CauseOption            // ssh refuses an option of the caller's
)

// errExpired says that the account, or its password, has expired on the server.
var errExpired = errors.New("the server says that the account or its password has expired; log in with ssh, or ask its administrator")

// errTooOpen says that a private key was left out.
var errTooOpen = errors.New("UNPROTECTED PRIVATE KEY FILE")

// CauseOf returns why err came about.
func CauseOf(err error) Cause {
	if program, ok := errors.AsType[*programError](err); ok {
		return program.cause
	}
	switch {
	case is[*optionError](err):
		return CauseOption
	case is[*net.DNSError](err):
		return CauseUnknownHost
	case errors.Is(err, syscall.ECONNREFUSED):
		return CauseRefused
	case errors.Is(err, errSilent), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT),
		errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return CauseTimeout
	case is[*ssh.AlgorithmNegotiationError](err):
		return CauseAlgorithms
	case is[*hostKeyError](err):
		return CauseHostKey
	case errors.Is(err, errExpired):
		return CauseExpired
	case errors.Is(err, errTooOpen):
		return CauseKeyFile
	case is[*authError](err), errors.Is(err, errEndedLogin):
		return CauseLogin
	case errors.Is(err, errNoSubsystem):
		return CauseNoSubsystem
	}
	return CauseOther
}

// saysExpired reports whether one of the texts tells of an expiry. SSH has no
// code for it: servers say it in a banner, as PAM words it, in the message with
// which they disconnect, or by SSH_MSG_USERAUTH_PASSWD_CHANGEREQ (60; RFC 4252,
// section 8), which the library takes for a mistake.
func saysExpired(passwordSent bool, texts ...string) bool {
	for _, text := range texts {
		text = strings.ToLower(text)
		if strings.Contains(text, "expired") || passwordSent && strings.Contains(text, "unexpected message type 60") {
			return true
		}
	}
	return false
}
