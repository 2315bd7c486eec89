package sshdial

import (
	"errors"
	"fmt"
	"strings"
)

// permanentError marks a failure that would come again.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// permanent marks err, unless it is nil.
func permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

// IsPermanent reports whether dialling again would fail in the same way until
// somebody acts: the login was refused, the host key is not the known one, the
// configuration is wrong, no algorithm is shared. Everything else may pass: a
// name that does not resolve, a refused connection, silence.
func IsPermanent(err error) bool {
	return is[permanentError](err)
}

// is reports whether err is of a type, or wraps one that is.
func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// optionError says that ssh refuses one of Options.Overrides.
type optionError struct {
	option string
	err    error
}

func (e *optionError) Error() string { return fmt.Sprintf("option %q: %v", e.option, e.err) }
func (e *optionError) Unwrap() error { return e.err }

// authError says that the server refused every login that could be tried
// (RFC 4252). It is permanent.
type authError struct {
	User, Host string
	Tried      []string // what was tried, such as "publickey (id_ed25519)"
	Offered    []string // methods with which the server still lets one go on
	Notes      []string // why more was not tried

	tooOpen bool // a private key was left out
}

func (e *authError) Error() string {
	tried := "nothing could be tried"
	if len(e.Tried) > 0 {
		tried = "tried " + strings.Join(e.Tried, ", ")
	}
	refused := fmt.Sprintf("login as %s at %s refused: %s; the server offers %s",
		e.User, e.Host, tried, strings.Join(e.Offered, ", "))
	return strings.Join(append([]string{refused}, e.Notes...), "; ")
}

// Unwrap tells [CauseOf] of a key that was left out.
func (e *authError) Unwrap() error {
	if e.tooOpen {
		return errTooOpen
	}
	return nil
}

// errEndedLogin says that the server disconnected instead of refusing.
var errEndedLogin = errors.New("login ended by the server")

// hostKeyError says that the server's host key was not accepted. It is
// permanent.
type hostKeyError struct {
	Host    string // as in known_hosts: host, or [host]:port
	Key     string // the server's key, such as "ED25519 SHA256:..."
	Problem string // what is wrong with it, and the way out
}

func (e *hostKeyError) Error() string {
	return fmt.Sprintf("host key of %s (%s): %s", e.Host, e.Key, e.Problem)
}
