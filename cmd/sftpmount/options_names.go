package main

import (
	"fmt"
	"path"
	"strings"

	"sftpmount/sftpconn/charset"
)

// nameOptions say how the server's names become names of the mount.
type nameOptions struct {
	charset *charset.Charset // of the server; nil for UTF-8, or for bytes as they are

	// What libfuse's modules do, which sshfs can be given.
	modules          string
	fromCode, toCode string
	subdir           string
	relativeLinks    bool
}

func (o *nameOptions) rows() []option {
	return []option{
		{"remote_charset", "NAME", "character set of the server's names (UTF-8)", o.setCharset},
		{"modules", "LIST", "", text(&o.modules)},
		{"from_code", "CHARSET", "", text(&o.fromCode)},
		{"to_code", "CHARSET", "", text(&o.toCode)},
		{"subdir", "DIR", "", text(&o.subdir)},
		{"rellinks", "", "", set(&o.relativeLinks, true)},
		{"norellinks", "", "", set(&o.relativeLinks, false)},
	}
}

func (o *nameOptions) setCharset(name string) (err error) {
	o.charset = nil
	if !isUTF8(name) {
		o.charset, err = charset.Lookup(name)
	}
	return err
}

func isUTF8(name string) bool {
	return strings.EqualFold(name, "UTF-8") || strings.EqualFold(name, "UTF8")
}

// applyModules turns libfuse's modules into what there is for them here.
func (o *options) applyModules() error {
	given := map[string]bool{}
	for name := range strings.SplitSeq(o.names.modules, ":") {
		if name != "" && name != "iconv" && name != "subdir" {
			return usageError("option \"modules\": %q is none of libfuse's modules: iconv, subdir", name)
		}
		given[name] = true
	}
	switch {
	case !given["iconv"] && o.names.fromCode+o.names.toCode != "":
		return usageError("options \"from_code\" and \"to_code\" belong to modules=iconv: give that too, or remote_charset=NAME alone")
	case !given["subdir"] && o.names.subdir != "":
		return usageError("option \"subdir\" belongs to modules=subdir: give that too, or mount %s", o.subdirTarget())
	case given["subdir"] && o.names.subdir == "":
		return usageError("option \"modules=subdir\" needs subdir=DIR")
	case given["iconv"] && o.names.toCode != "" && !isUTF8(o.names.toCode):
		return usageError("option \"to_code=%s\": names are shown in UTF-8 only", o.names.toCode)
	}
	if given["iconv"] && o.names.fromCode != "" {
		if err := o.names.setCharset(o.names.fromCode); err != nil {
			return usageError("option \"from_code=%s\": %w", o.names.fromCode, err)
		}
	}
	if given["subdir"] && o.names.relativeLinks {
		o.symlinks.transformSymlinks = true
	}
	return nil
}

func (o *options) subdirTarget() target {
	t := o.target
	t.dir = o.remoteDir()
	return t
}

// remoteDir is the directory to mount, as the command line has it.
func (o *options) remoteDir() string {
	dir, sub := o.target.dir, strings.Trim(path.Clean("/"+o.names.subdir), "/")
	switch {
	case sub == "":
		return dir
	case dir == "":
		return sub
	}
	return fmt.Sprintf("%s/%s", strings.TrimSuffix(dir, "/"), sub)
}
