package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sftpmount/sftpconn/sshdial"
)

// transportOptions say how the server is reached.
type transportOptions struct {
	configFile    string
	ssh           []sshOption
	passwordStdin bool
	sftpServer    string
	maxConns      int
	transport     string // as sshdial calls it
	sshCommand    []string

	// Instead of SSH.
	directPort int
	vsock      vsockAddress
	passive    bool
}

// A vsockAddress is that of a server in a virtual machine, or on its host.
type vsockAddress struct{ cid, port uint32 }

// An sshOption is an option that is named as in ssh_config.
type sshOption struct {
	keyword string
	value   string
}

func (o *transportOptions) rows() []option {
	return []option{
		{"port", "N", "port on the server, as -p", func(v string) error { return o.applySSH("Port", v, true) }},
		{"password_stdin", "", "read the password from standard input", set(&o.passwordStdin, true)},
		{"sftp_server", "NAME|PATH", "subsystem or program there that speaks SFTP (sftp)", text(&o.sftpServer)},
		{"transport", "native|ssh", "our own SSH (the default) or the ssh program",
			oneOf(&o.transport, sshdial.TransportNative, sshdial.TransportSSH)},
		{"ssh_command", "COMMAND", "another ssh program, with arguments", func(v string) error {
			if o.sshCommand = splitCommand(v); len(o.sshCommand) == 0 {
				return errors.New("it names no program")
			}
			return nil
		}},
		{"max_conns", "N", "how many connections file contents may take (1)", number(&o.maxConns)},
		{"directport", "PORT", "an SFTP server listens there: no SSH, no encryption", number(&o.directPort)},
		{"vsock", "CID:PORT", "the same in a virtual machine, or on its host", func(v string) (err error) {
			o.vsock.cid, o.vsock.port, err = sshdial.ParseVsock(v)
			return err
		}},
		{"passive", "", "an SFTP server is at standard input and output", set(&o.passive, true)},
		{"ssh_protocol", "2", "", onlyValue("2")},
	}
}

// splitCommand splits at spaces. A backslash before a space makes it part of a
// word; nothing else is special, as in sshfs.
func splitCommand(command string) []string {
	const space = "\x00" // which no argument can hold
	words := strings.Fields(strings.ReplaceAll(command, `\ `, space))
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], space, " ")
	}
	return words
}

// withoutSSH returns the option that goes without SSH, or "".
func (o *transportOptions) withoutSSH() string {
	switch {
	case o.passive:
		return "passive"
	case o.vsock.port != 0:
		return "vsock"
	case o.directPort != 0:
		return "directport"
	}
	return ""
}

// applySSH keeps an option that is named as in ssh_config, in the order given.
func (o *transportOptions) applySSH(keyword, value string, hasValue bool) error {
	if !hasValue || value == "" {
		return fmt.Errorf("write it as %s=VALUE, see ssh_config(5)", keyword)
	}
	if strings.EqualFold(keyword, "port") {
		if n, err := strconv.ParseUint(value, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("%q is not a number from 1 to 65535", value)
		}
	}
	o.ssh = append(o.ssh, sshOption{keyword, value})
	return nil
}

// sshOverrides returns the last value of each keyword, since ssh itself would
// take the first. Of those that add up, it keeps all.
func (o *transportOptions) sshOverrides() []string {
	var overrides []string
	seen := map[string]bool{}
	for _, option := range slices.Backward(o.ssh) {
		addsUp := option.keyword == "IdentityFile" || option.keyword == "CertificateFile"
		if addsUp || !seen[option.keyword] {
			overrides = append(overrides, option.keyword+"="+option.value)
		}
		seen[option.keyword] = true
	}
	slices.Reverse(overrides)
	return overrides
}
