package sshdial

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"unicode"
)

// Options is what the user typed: which server, and what is to override
// ssh_config(5). Only Host is needed.
type Options struct {
	Host       string   // host name, address or ssh_config alias
	User       string   // login name; "" as ssh_config says
	Port       int      // TCP port; 0 as ssh_config says
	ConfigFile string   // as ssh -F: "" the usual files, "none" no file
	Overrides  []string // "Keyword=value" or "Keyword value", as ssh -o

	// Transport is [TransportNative] or [TransportSSH]; "" is the former
	// unless a setting needs the latter. Command is the ssh program to use,
	// with arguments that come before all others; it asks for TransportSSH.
	Transport string
	Command   []string

	// Subsystem is the SSH subsystem that speaks SFTP; "" means "sftp". With
	// a "/" in it, it is the command line of an SFTP server instead.
	Subsystem string

	// MaxConns is how many connections may be used at once where one does
	// not carry enough. 0 means 1.
	MaxConns int

	// Password is tried where the server asks for one. It is tried once, and
	// no password is asked for on the terminal then. The Way keeps its
	// own copy.
	Password []byte

	// Prompter asks the user. Nil: nothing is ever asked.
	Prompter Prompter

	// Logger takes warnings for the user (Warn and up) and what helps to
	// find out why a login fails (Debug). Nil: nothing is logged.
	Logger *slog.Logger
}

// validate refuses names that the ssh program could take for options
// (CVE-2026-48711), or that a shell in "Match exec" could take for commands, as
// OpenSSH's valid_hostname and valid_ruser do.
func (o Options) validate() error {
	switch {
	case o.Host == "":
		return errors.New("no host given")
	case strings.HasPrefix(o.Host, "-"):
		return fmt.Errorf("invalid hostname %q: it starts with \"-\"", o.Host)
	case strings.HasPrefix(o.User, "-"):
		return fmt.Errorf("user %q: a user name cannot start with \"-\"", o.User)
	case o.Port < 0 || o.Port > 65535:
		return fmt.Errorf("port %d: ports go from 1 to 65535", o.Port)
	}
	isCommand := func(special string) func(rune) bool {
		return func(r rune) bool { return unicode.IsControl(r) || strings.ContainsRune(special, r) }
	}
	if strings.ContainsFunc(o.Host, isCommand("'`\"$\\;&<>|(){} ")) {
		return fmt.Errorf("invalid hostname %q: a character in it cannot be part of one", o.Host)
	}
	if strings.ContainsFunc(o.User, isCommand("'`\";&<>|(){}")) ||
		strings.Contains(o.User, " -") || strings.HasSuffix(o.User, `\`) {
		return fmt.Errorf("user %q: a character in it cannot be part of a user name", o.User)
	}
	return nil
}

func (o Options) subsystem() string { return cmp.Or(o.Subsystem, "sftp") }

// isCommand reports whether a subsystem is a command line instead.
func isCommand(subsystem string) bool { return strings.Contains(subsystem, "/") }

// arguments are the options for ssh.
func (o Options) arguments() []string {
	var args []string
	for _, override := range o.Overrides {
		args = append(args, "-o"+override)
	}
	switch o.ConfigFile {
	case "":
	case "none":
		args = append(args, "-F", "none")
	default:
		args = append(args, "-F", absolute(o.ConfigFile))
	}
	if o.Port != 0 {
		args = append(args, "-p", strconv.Itoa(o.Port))
	}
	if o.User != "" {
		args = append(args, "-l", o.User)
	}
	return args
}

// logger never returns nil.
func (o Options) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}
