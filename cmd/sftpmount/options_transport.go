package main

import (
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

	// Instead of SSH.
	directPort int
	vsock      vsockAddress
	passive    bool

	// warnings are lines for the person who mounts.
	warnings []string
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
		{"max_conns", "N", "how many connections file contents may take (1)", number(&o.maxConns)},
		{"directport", "PORT", "an SFTP server listens there: no SSH, no encryption", number(&o.directPort)},
		{"vsock", "CID:PORT", "the same in a virtual machine, or on its host", func(v string) (err error) {
			o.vsock.cid, o.vsock.port, err = sshdial.ParseVsock(v)
			return err
		}},
		{"passive", "", "an SFTP server is at standard input and output", set(&o.passive, true)},
	}
}

// oldRows are another name of a row, and an option that has one value here.
func (o *transportOptions) oldRows() []option {
	return []option{
		{"slave", "", "", set(&o.passive, true)},
		{"ssh_protocol", "2", "", onlyValue("2")},
	}
}

// laterRows are known and not there yet.
func (o *transportOptions) laterRows() []option {
	return []option{
		{"ssh_command", "COMMAND", "", notYet},
		{"transport", "ssh", "", notYet},
	}
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
	switch strings.ToLower(keyword) {
	case "port":
		if n, err := strconv.ParseUint(value, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("%q is not a number from 1 to 65535", value)
		}
	case "compression":
		if strings.EqualFold(value, "yes") {
			o.warnings = append(o.warnings, "compression is not supported yet: going on without it")
		}
		return nil
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
