package sftptest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"slices"

	"golang.org/x/crypto/ssh"
)

// User may log in, by any of the ways that are set.
type User struct {
	Name      string
	Password  string          // none if empty
	Keys      []ssh.PublicKey // plain keys, no certificates
	Questions []Question      // asked together by keyboard-interactive (RFC 4256)
}

// Question is one that keyboard-interactive authentication asks.
type Question struct {
	Prompt string
	Answer string
	Echo   bool // whether the answer may be shown while it is typed
}

var errRejected = errors.New("rejected")

// NewKey makes an Ed25519 key, for a host or a user.
func NewKey() (ssh.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return ssh.NewSignerFromKey(private)
}

// allow sets up config to let users in, or anybody if there are none.
func allow(config *ssh.ServerConfig, users []User) {
	if len(users) == 0 {
		config.NoClientAuth = true
		return
	}
	find := func(name string, fits func(User) bool) (*ssh.Permissions, error) {
		for _, u := range users {
			if u.Name == name && fits(u) {
				return nil, nil
			}
		}
		return nil, errRejected
	}
	if slices.ContainsFunc(users, func(u User) bool { return u.Password != "" }) {
		config.PasswordCallback = func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			return find(c.User(), func(u User) bool { return u.Password != "" && u.Password == string(password) })
		}
	}
	if slices.ContainsFunc(users, func(u User) bool { return len(u.Keys) > 0 }) {
		config.PublicKeyCallback = func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			return find(c.User(), func(u User) bool {
				return slices.ContainsFunc(u.Keys, func(k ssh.PublicKey) bool {
					return bytes.Equal(k.Marshal(), key.Marshal())
				})
			})
		}
	}
	if slices.ContainsFunc(users, func(u User) bool { return len(u.Questions) > 0 }) {
		config.KeyboardInteractiveCallback = func(c ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			return find(c.User(), func(u User) bool { return len(u.Questions) > 0 && u.answers(ask) })
		}
	}
}

// answers asks the user's questions and reports whether all answers are right.
func (u User) answers(ask ssh.KeyboardInteractiveChallenge) bool {
	prompts, echos := make([]string, len(u.Questions)), make([]bool, len(u.Questions))
	for i, q := range u.Questions {
		prompts[i], echos[i] = q.Prompt, q.Echo
	}
	answers, err := ask("", "", prompts, echos)
	if err != nil || len(answers) != len(u.Questions) {
		return false
	}
	for i, q := range u.Questions {
		if answers[i] != q.Answer {
			return false
		}
	}
	return true
}
