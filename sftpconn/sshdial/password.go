package sshdial

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// password is the one that the caller gave or that the server has accepted. A
// refused one is forgotten, so that it is never sent again.
type password struct {
	value []byte // nil if there is none
	given bool   // by the caller: none is asked for, even if it was refused
}

// givenPassword copies value, so that the caller can wipe it. Nil means none.
func givenPassword(value []byte) password {
	return password{value: bytes.Clone(value), given: value != nil}
}

// remember keeps a password that the server has accepted, and takes it over.
func (p *password) remember(value []byte) {
	p.forget()
	p.value = value
}

func (p *password) forget() {
	wipe(p.value)
	p.value = nil
}

// passwordLogin logs in with a password (RFC 4252, section 8).
type passwordLogin struct {
	login      *login
	prompts    int    // times that the user was asked
	usedStored bool   // in this connection
	sent       bool   // anything, in this connection
	typed      []byte // under way; nil while the stored one is
}

func (p *passwordLogin) name() string { return "password" }

func (p *passwordLogin) next() (ssh.AuthMethod, error) {
	stored := &p.login.h.memory.password
	if stored.value != nil && !p.usedStored {
		p.usedStored, p.sent = true, true
		return ssh.Password(string(stored.value)), nil
	}
	cfg := p.login.h.cfg
	if stored.given || p.prompts >= cfg.NumberOfPasswordPrompts {
		return nil, nil
	}
	question := fmt.Sprintf("%s@%s's password: ", cfg.User, cfg.HostName)
	if p.prompts > 0 {
		question = "Permission denied, please try again.\n" + question
	}
	answer, err := p.login.ask(question, false)
	if errors.Is(err, ErrNoPrompt) {
		p.login.note("password: nobody can be asked")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p.prompts++
	p.sent = true
	p.typed = answer
	return ssh.Password(string(answer)), nil
}

func (p *passwordLogin) settle(accepted bool) {
	stored := &p.login.h.memory.password
	switch {
	case p.typed != nil && accepted:
		stored.remember(p.typed)
	case p.typed != nil:
		wipe(p.typed)
	case !accepted:
		stored.forget()
	}
	p.typed = nil
}

func (p *passwordLogin) restart() {}

func (p *passwordLogin) tried() string {
	if !p.sent {
		return ""
	}
	return p.name()
}
