package main

import "testing"

func TestTransportOptions(t *testing.T) {
	optionChanges{
		"password_stdin":         func(o *options) { o.transport.passwordStdin = true },
		"IDENTITYFILE=~/.ssh/id": func(o *options) { o.transport.ssh = []sshOption{{"IdentityFile", "~/.ssh/id"}} },
		"User=ann":               func(o *options) { o.transport.ssh = []sshOption{{"User", "ann"}} },
		"Compression=no":         func(*options) {},
		"Compression=yes": func(o *options) {
			o.transport.warnings = []string{"compression is not supported yet: going on without it"}
		},
	}.check(t)
}
