package main

import "testing"

func TestTransportOptions(t *testing.T) {
	optionChanges{
		"password_stdin":         func(o *options) { o.transport.passwordStdin = true },
		"IDENTITYFILE=~/.ssh/id": func(o *options) { o.transport.ssh = []sshOption{{"IdentityFile", "~/.ssh/id"}} },
		"sftp_server=/bin/sftp":  func(o *options) { o.transport.sftpServer = "/bin/sftp" },
		"max_conns=4":            func(o *options) { o.transport.maxConns = 4 },
		"directport=115":         func(o *options) { o.transport.directPort = 115 },
		"vsock=3:22":             func(o *options) { o.transport.vsock = vsockAddress{3, 22} },
		"slave": func(o *options) {
			o.transport.passive, o.startup.foreground, o.link.noReconnect = true, true, true
		},
		"User=ann":                    func(o *options) { o.transport.ssh = []sshOption{{"User", "ann"}} },
		"Compression=yes":             func(o *options) { o.transport.ssh = []sshOption{{"Compression", "yes"}} },
		"transport=ssh":               func(o *options) { o.transport.transport = "ssh" },
		`ssh_command=ssh -o  A=b\\ c`: func(o *options) { o.transport.sshCommand = []string{"ssh", "-o", "A=b c"} },
	}.check(t)
}
