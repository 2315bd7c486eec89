package main

import "testing"

func TestMountOptions(t *testing.T) {
	optionChanges{
		"allow_other":         func(o *options) { o.mount.allowOther = true },
		"allow_root":          func(o *options) { o.mount.allowRoot = true },
		"default_permissions": func(o *options) { o.mount.defaultPermissions = true },
		"auto_unmount":        func(o *options) { o.mount.autoUnmount = true },
		"disable_hardlink":    func(o *options) { o.mount.noHardLinks = true },
		"context=a:b:c":       func(o *options) { o.mount.kernelFlags = []string{"context=a:b:c"} },
		"remount":             func(o *options) { o.mount.remount = true },
		"fsname=a b":          func(o *options) { o.mount.fsname = "a b" },
		"subtype=x":           func(o *options) { o.mount.subtype = "x" },
		"ro":                  func(o *options) { o.mount.kernelFlags = []string{"ro"} },
		"noatime":             func(o *options) { o.mount.kernelFlags = []string{"noatime"} },
	}.check(t)
}
