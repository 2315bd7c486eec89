package sshdial

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// interactiveLogin answers what the server asks (keyboard-interactive, RFC
// 4256): often just the password, sometimes a one-time code.
type interactiveLogin struct {
	login    *login
	attempts int
	wasAsked bool // in any attempt

	// Of the attempt under way:
	rounds     int    // requests of the server
	usedStored bool   // the stored password was sent
	typed      []byte // a password that the user typed
	asked      bool   // the user answered something other than a password
}

// errUnanswerable says that the server asks what nobody is there to answer.
var errUnanswerable = errors.New("the server asks something, and nobody can be asked")

func (i *interactiveLogin) name() string { return "keyboard-interactive" }

func (i *interactiveLogin) next() (ssh.AuthMethod, error) {
	h := i.login.h
	switch {
	case h.redial && (h.memory.asked || h.memory.password.value == nil):
		i.login.note("keyboard-interactive: the login needs the user and is not repeated without; mount again")
		return nil, nil
	case i.attempts > 0 && i.rounds == 0, i.attempts >= h.cfg.NumberOfPasswordPrompts:
		return nil, nil
	case i.attempts > 0 && h.prompter == nil, i.attempts > 0 && h.memory.password.given:
		return nil, nil // there would be nothing new to say
	}
	i.attempts++
	i.rounds, i.usedStored, i.asked = 0, false, false
	return ssh.KeyboardInteractive(i.challenge), nil
}

// challenge answers one request of the server.
func (i *interactiveLogin) challenge(name, instruction string, questions []string, echos []bool) ([]string, error) {
	i.rounds++
	i.wasAsked = true
	if len(questions) == 0 && instruction != "" {
		return nil, i.login.h.banner(instruction) // PAM's way to say something
	}
	stored := &i.login.h.memory.password
	isPassword := len(questions) == 1 && !echos[0] && asksForPassword(questions[0])
	if isPassword && stored.value != nil && !i.usedStored {
		i.usedStored = true
		return []string{string(stored.value)}, nil
	}
	if isPassword && stored.given {
		return nil, errUnanswerable
	}
	answers := make([]string, len(questions))
	for n, question := range questions {
		answer, err := i.login.ask(i.question(n, name, instruction, question), echos[n])
		if errors.Is(err, ErrNoPrompt) {
			i.login.note("keyboard-interactive: " + errUnanswerable.Error())
			return nil, errUnanswerable
		}
		if err != nil {
			i.login.failure = err
			return nil, err
		}
		answers[n] = string(answer)
		if isPassword && i.typed == nil {
			i.typed = answer
			continue
		}
		i.asked = true
		wipe(answer)
	}
	return answers, nil
}

// question puts the server's question in words that show where it comes from.
func (i *interactiveLogin) question(n int, name, instruction, question string) string {
	var text strings.Builder
	for _, t := range []string{name, instruction} {
		if n == 0 && t != "" {
			text.WriteString(printable(t) + "\n")
		}
	}
	cfg := i.login.h.cfg
	fmt.Fprintf(&text, "(%s@%s) %s", cfg.User, cfg.HostName, printable(question))
	return text.String()
}

// asksForPassword goes by the same word as sshfs's password_stdin: the protocol
// does not say what is asked for, and a password must not be given for the
// one-time code.
func asksForPassword(question string) bool {
	return strings.Contains(strings.ToLower(question), "assword")
}

func (i *interactiveLogin) settle(accepted bool) {
	memory := i.login.h.memory
	switch {
	case accepted && i.typed != nil:
		memory.password.remember(i.typed)
	case i.typed != nil:
		wipe(i.typed)
	case i.usedStored && !accepted:
		memory.password.forget()
	}
	if accepted && (i.asked || !i.usedStored && i.typed == nil) {
		memory.asked = true
	}
	i.typed = nil
}

func (i *interactiveLogin) restart() { i.attempts = 0 }

func (i *interactiveLogin) tried() string {
	if !i.wasAsked {
		return ""
	}
	return i.name()
}
