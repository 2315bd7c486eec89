package sshdial

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/crypto/ssh"
)

// login is the authentication of one connection (RFC 4252): it offers the
// server one thing after the other, in OpenSSH's order.
//
// It runs on the goroutine of the handshake.
type login struct {
	ctx     context.Context
	h       *handshake
	keys    *publickeyLogin
	methods []loginMethod

	last     loginMethod // whose attempt is under way
	partials int         // steps that the server has accepted
	refused  bool        // the server has said no to something
	notes    []string    // why something was not tried
	ignored  []*identity // that could not be used
	tooOpen  bool        // one of them: a private key that others can read
	failure  error       // why it was given up
}

// loginMethod is one way to log in, with all that can be tried with it.
type loginMethod interface {
	name() string

	// next returns the next thing to try; nil if there is none left. An
	// error gives up the login as a whole.
	next() (ssh.AuthMethod, error)

	// settle tells how the server took it.
	settle(accepted bool)

	// restart begins anew after a step that the server accepted.
	restart()

	// tried says in short what was tried; "" for nothing.
	tried() string
}

func newLogin(ctx context.Context, h *handshake) *login {
	l := &login{ctx: ctx, h: h}
	l.keys = &publickeyLogin{login: l}
	for _, name := range h.cfg.PreferredAuthentications {
		switch {
		case name == "publickey" && h.cfg.PubkeyAuthentication:
			l.methods = append(l.methods, l.keys)
		case name == "keyboard-interactive" && h.cfg.KbdInteractiveAuthentication:
			l.methods = append(l.methods, &interactiveLogin{login: l})
		case name == "password" && h.cfg.PasswordAuthentication:
			l.methods = append(l.methods, &passwordLogin{login: l})
		}
	}
	return l
}

// close releases the agent.
func (l *login) close() { l.keys.close() }

// next is an [ssh.ClientAuthCallback].
func (l *login) next(c *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	if err := errors.Join(l.ctx.Err(), l.h.conn.failure(), l.failure); err != nil {
		return nil, err // nobody has answered the last attempt
	}
	l.h.dog.resume()
	if l.last == nil {
		l.h.said = "" // so far, which everybody is told
	}
	l.settle(len(c.PartialSuccessMethods) > l.partials)
	l.partials = len(c.PartialSuccessMethods)
	for _, m := range l.methods {
		if !slices.Contains(c.AllowedMethods, m.name()) {
			continue
		}
		attempt, err := m.next()
		if err != nil {
			l.failure = err
			return nil, err
		}
		if attempt != nil {
			l.last = m
			return attempt, nil
		}
	}
	refusal := &authError{User: l.h.cfg.User, Host: l.h.cfg.HostName, Offered: c.AllowedMethods, Notes: l.notes, tooOpen: l.tooOpen}
	for _, m := range l.methods {
		if t := m.tried(); t != "" {
			refusal.Tried = append(refusal.Tried, t)
		}
	}
	l.failure = refusal
	return nil, refusal
}

// settle tells the method under way how the server took it.
func (l *login) settle(accepted bool) {
	if l.last == nil {
		return
	}
	l.last.settle(accepted)
	l.last = nil
	if !accepted {
		l.refused = true
		return
	}
	for _, m := range l.methods {
		m.restart()
	}
}

// passwordSent reports whether a password was.
func (l *login) passwordSent() bool {
	_, ok := l.last.(*passwordLogin)
	return ok
}

// hint says what to do about a server that ends the login after some attempts,
// its MaxAuthTries.
func (l *login) hint() string {
	if len(l.keys.labels) > 1 {
		return "; it was offered " + l.keys.tried() + ": name the right key with IdentityFile, and IdentitiesOnly=yes"
	}
	return ""
}

// note keeps for the final error why something was not tried.
func (l *login) note(text string) {
	if !slices.Contains(l.notes, text) {
		l.notes = append(l.notes, text)
	}
}

// ask asks the user. It is quiet in a redial: see [handshake.ask].
func (l *login) ask(question string, echo bool) ([]byte, error) {
	return l.h.ask(l.ctx, question, echo)
}
