package main

import (
	"slices"
	"strings"
)

// options is everything that the command line says, and what it leaves unsaid,
// in groups that each have a file of their own (options_link.go and so on).
// wire.go turns them into the Options of each package.
type options struct {
	persona    persona
	target     target
	mountpoint string
	help       bool
	version    bool

	link      linkOptions
	memory    memoryOptions
	symlinks  symlinkOptions
	names     nameOptions
	owners    ownerOptions
	mount     mountOptions
	transport transportOptions
	startup   startOptions
	log       logOptions
	helper    helperOptions

	workarounds workaroundOptions

	// ignored lists the options that were accepted and mean nothing here.
	ignored []string
}

func defaultOptions() *options {
	return &options{
		persona: ourselves,
		link:    defaultLinkOptions(),
		memory:  defaultMemoryOptions(),
		mount:   defaultMountOptions(),
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
			o.mount.kernelFlags = append(o.mount.kernelFlags, text)
		} else {
			o.ignored = append(o.ignored, text)
		}
		return nil
	}
	if keyword, ok := sshKeyword(name); ok {
		if err := o.transport.applySSH(keyword, value, hasValue); err != nil {
			return usageError("option %q: %w", text, err)
		}
		return nil
	}
	// On a remount, mount(8) hands on all that the kernel shows of the mount.
	if o.helper.sloppy || o.mount.remount {
		o.ignored = append(o.ignored, text)
		return nil
	}
	if hasValue && slices.Contains(kernelFlags, name) {
		return usageError("option %q takes no value, but %q was given", name, value)
	}
	if near := nearest(name, knownNames(table)); near != "" {
		return usageError("unknown option %q: did you mean %q? sftpmount -h lists all", name, near)
	}
	return usageError("unknown option %q: sftpmount -h lists all", name)
}

// check finds options that do not go together, and carries out what follows
// from others.
func (o *options) check() error {
	if o.mount.allowOther && o.mount.allowRoot {
		return usageError("options \"allow_other\" and \"allow_root\" exclude each other: give one")
	}
	if err := o.checkWay(); err != nil {
		return err
	}
	if o.startup.setuid != "" && o.startup.foreground {
		return usageError("option \"setuid\" works in the background only: leave -f out, or start the program as that user")
	}
	if err := o.log.check(o.startup.foreground); err != nil {
		return err
	}
	return o.applyModules()
}
