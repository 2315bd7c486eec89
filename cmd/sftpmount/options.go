package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// options is everything that the command line says, and what it leaves unsaid.
// wire.go turns it into the Options of each package.
type options struct {
	target     target
	mountpoint string

	help       bool
	version    bool
	foreground bool
	debug      bool

	// The way to the server.
	configFile       string
	ssh              []sshOption
	passwordStdin    bool
	noCheckRoot      bool
	noReconnect      bool
	hard             bool
	reconnectTimeout time.Duration

	// What is kept in memory.
	noDirCache  bool
	statTimeout time.Duration
	dirTimeout  time.Duration
	linkTimeout time.Duration
	cacheSize   int
	noReadAhead bool
	syncWrites  bool

	// How the mount looks and what the kernel keeps of it.
	uid, gid           *uint32
	umask              *uint32
	fsname, subtype    string
	allowOther         bool
	allowRoot          bool
	defaultPermissions bool
	entryTimeout       time.Duration
	attrTimeout        time.Duration
	negativeTimeout    time.Duration
	directIO           bool
	kernelCache        bool
	noAutoCache        bool
	maxRead            int
	kernelFlags        []string // ro, noexec, ...: later ones override earlier ones
	followSymlinks     bool
	transformSymlinks  bool
	allowEscapes       bool // no_contain_symlinks

	// ignored lists the options that were accepted and mean nothing here.
	ignored []string
	// warnings are lines for the person who mounts.
	warnings []string
}

// An sshOption is an option that is named as in ssh_config.
type sshOption struct {
	keyword string
	value   string
}

func defaultOptions() *options {
	return &options{
		reconnectTimeout: 60 * time.Second,
		statTimeout:      20 * time.Second,
		dirTimeout:       20 * time.Second,
		linkTimeout:      20 * time.Second,
		cacheSize:        400_000,
		entryTimeout:     time.Second,
		attrTimeout:      time.Second,
		subtype:          "sftpmount",
	}
}

// apply carries out one option of -o: name or name=value.
func (o *options) apply(table []optionGroup, text string) error {
	name, value, hasValue := strings.Cut(text, "=")
	if option := find(table, name); option != nil {
		switch {
		case option.arg == "" && hasValue:
			return usageError("option %q takes no value, but %q was given", name, value)
		case option.arg != "" && !hasValue:
			return usageError("option %q needs a value: %s=%s", name, name, option.arg)
		}
		if err := option.set(value); err != nil {
			return usageError("option %q: %w", text, err)
		}
		return nil
	}
	if meaning, ok := mountOption(text); ok {
		if meaning == forKernel {
			o.kernelFlags = append(o.kernelFlags, text)
		} else {
			o.ignored = append(o.ignored, text)
		}
		return nil
	}
	if keyword, ok := sshKeyword(name); ok {
		if err := o.applySSH(keyword, value, hasValue); err != nil {
			return usageError("option %q: %w", text, err)
		}
		return nil
	}
	if near := nearest(name, knownNames(table)); near != "" {
		return usageError("unknown option %q: did you mean %q? sftpmount -h lists all", name, near)
	}
	return usageError("unknown option %q: sftpmount -h lists all", name)
}

// check finds options that do not go together.
func (o *options) check() error {
	if o.allowOther && o.allowRoot {
		return usageError("options \"allow_other\" and \"allow_root\" exclude each other: give one")
	}
	return nil
}

// applySSH keeps an option that is named as in ssh_config, in the order given.
func (o *options) applySSH(keyword, value string, hasValue bool) error {
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
