package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// parseArgs reads a command line, without the program's name. Options may
// stand anywhere, also after the mountpoint, as with sshfs.
func parseArgs(who persona, args []string) (*options, error) {
	o := defaultOptions()
	o.persona = who
	o.mount.subtype = who.name
	// All options end up in one list in the order given, so that a later
	// one overrides an earlier one however each was written.
	var given optionList
	flags := newFlagSet(o, &given)
	if who.helper {
		flags = newHelperFlagSet(o, &given)
	}
	if err := flags.Parse(args); err != nil {
		return nil, flagError(err)
	}
	if o.help || o.version {
		return o, nil
	}
	if flags.Changed("config") && o.transport.configFile == "" {
		return nil, usageError("flag -F needs the name of a file: %s -h explains", who.name)
	}
	// Wherever it stands, it changes what the rest means.
	o.mount.remount = slices.Contains(given, "remount")
	if err := o.setPlaces(flags.Args()); err != nil {
		return nil, err
	}
	table := o.table()
	for _, option := range given {
		if err := o.apply(table, option); err != nil {
			return nil, err
		}
	}
	if o.mount.remount {
		return o, nil
	}
	return o, o.check()
}

func newFlagSet(o *options, given *optionList) *pflag.FlagSet {
	flags := pflag.NewFlagSet("sftpmount", pflag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are printed once, by main
	flags.Usage = func() {}
	flags.VarP(given, "options", "o", "")
	flags.VarP(&optionFlag{given, "port="}, "port", "p", "")
	flags.StringVarP(&o.transport.configFile, "config", "F", "", "")
	flags.BoolVarP(&o.startup.foreground, "foreground", "f", false, "")
	flags.BoolVarP(&o.help, "help", "h", false, "")
	flags.BoolVarP(&o.version, "version", "V", false, "")
	flags.VarP(&optionFlag{given, "debug"}, "debug", "d", "")
	flags.VarP(&optionFlag{given, "verbose"}, "verbose", "v", "")
	flags.VarP(&optionFlag{given, "compression=yes"}, "compress", "C", "")
	flags.VarP(&optionFlag{given, "ssh_protocol=1"}, "protocol-1", "1", "")
	flags.VarP(&optionFlag{given, "-s"}, "single", "s", "")
	flags.VarP(&optionFlag{given, "ro"}, "read-only", "r", "")
	flags.VarP(&optionFlag{given, "-n"}, "no-mtab", "n", "")
	for _, name := range []string{"debug", "verbose", "compress", "protocol-1", "single", "read-only", "no-mtab"} {
		flags.Lookup(name).NoOptDefVal = "true"
	}
	return flags
}

// setPlaces takes the arguments that are not options.
func (o *options) setPlaces(places []string) error {
	switch {
	case len(places) == 0:
		return usageError("no server given: %[1]s [user@]host:[dir] mountpoint; %[1]s -h explains", o.persona.name)
	case len(places) == 1:
		return usageError("no mountpoint given: %s %s mountpoint", o.persona.name, places[0])
	case len(places) > 2:
		return usageError("one argument too many: %q; expected are a server and a mountpoint", places[2])
	case places[1] == "":
		return usageError("the mountpoint is empty: %s %s mountpoint", o.persona.name, places[0])
	}
	server, mountpoint := places[0], places[1]
	if !o.mount.remount && !namesServer(server) && namesServer(mountpoint) { // which sshfs takes too
		server, mountpoint = mountpoint, server
	}
	if o.persona.helper { // the way to write it in a line of type fuse
		server = strings.TrimPrefix(server, o.persona.name+"#")
	}
	o.mountpoint = mountpoint
	var err error
	if o.target, err = parseTarget(server); o.mount.remount {
		return nil // the source is what the mount shows, which fsname sets
	}
	return err
}

// An optionList collects the arguments of -o, split at commas.
type optionList []string

func (l *optionList) Set(s string) error {
	*l = append(*l, splitOptions(s)...)
	return nil
}

func (l *optionList) String() string { return strings.Join(*l, ",") }
func (l *optionList) Type() string   { return "options" }

// An optionFlag is a flag that stands for an option of -o. A text that ends in
// "=" takes the flag's argument.
type optionFlag struct {
	list *optionList
	text string
}

func (f *optionFlag) Set(s string) error {
	if strings.HasSuffix(f.text, "=") {
		*f.list = append(*f.list, f.text+s)
		return nil
	}
	*f.list = append(*f.list, f.text)
	return nil
}

func (f *optionFlag) String() string { return "" }
func (f *optionFlag) Type() string   { return "option" }

// splitOptions splits at commas. A backslash takes the meaning from the
// character after it, and three octal digits after it are a byte, as in
// libfuse and fstab.
func splitOptions(s string) []string {
	var list []string
	var item strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == ',':
			list = append(list, item.String())
			item.Reset()
		case s[i] == '\\' && i+3 < len(s) && isOctalByte(s[i+1:i+4]):
			item.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
		case s[i] == '\\' && i+1 < len(s):
			i++
			item.WriteByte(s[i])
		default:
			item.WriteByte(s[i])
		}
	}
	list = append(list, item.String())
	// "-o ro,,noexec" and a trailing comma are common in fstab.
	kept := list[:0]
	for _, option := range list {
		if option != "" {
			kept = append(kept, option)
		}
	}
	return kept
}

func isOctalByte(s string) bool {
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' && s[2] <= '7'
}

// flagError says what is wrong with a flag in the program's own words.
func flagError(err error) error {
	var unknown *pflag.NotExistError
	var valueless *pflag.ValueRequiredError
	switch {
	case errors.As(err, &unknown):
		name := "--" + unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			name = "-" + unknown.GetSpecifiedName()[:1]
		}
		return usageError("unknown flag %s: sftpmount -h lists all", name)
	case errors.As(err, &valueless):
		return usageError("flag -%s needs an argument: sftpmount -h explains", valueless.GetFlag().Shorthand)
	}
	return usageError("%w", fmt.Errorf("%w: sftpmount -h explains", err))
}
