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
	Name     string
	Password string          // none if empty
	Keys     []ssh.PublicKey // plain keys, no certificates
}

var errRejected = errors.New("rejected")

func newKey() (ssh.Signer, error) {
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
}
