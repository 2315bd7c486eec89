package main

import (
	"io"

	"github.com/spf13/pflag"
)

// helperOptions are what mount(8) tells its helpers:
//
//	mount.sftpmount source directory [-sfnv] [-N namespace] [-o options] [-t type]
type helperOptions struct {
	sloppy    bool   // -s: options that are not known are no mistake
	fake      bool   // -f: do all but the mount itself
	namespace string // -N: file of the mount namespace to mount in
}

// newHelperFlagSet takes the place of newFlagSet, since the letters differ.
func newHelperFlagSet(o *options, given *optionList) *pflag.FlagSet {
	flags := pflag.NewFlagSet("mount."+o.persona.name, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	flags.VarP(given, "options", "o", "")
	flags.BoolVarP(&o.helper.sloppy, "sloppy", "s", false, "")
	flags.BoolVarP(&o.helper.fake, "fake", "f", false, "")
	flags.StringVarP(&o.helper.namespace, "namespace", "N", "", "")
	flags.VarP(&optionFlag{given, "verbose"}, "verbose", "v", "")
	flags.Lookup("verbose").NoOptDefVal = "true"
	flags.BoolVarP(&o.help, "help", "h", false, "")
	flags.BoolVarP(&o.version, "version", "V", false, "")
	// There is no mtab to leave alone, and the type is the program's name.
	flags.BoolP("no-mtab", "n", false, "")
	flags.StringP("types", "t", "", "")
	return flags
}
