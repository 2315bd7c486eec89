package main

import "testing"

func TestStartOptions(t *testing.T) {
	optionChanges{
		"no_check_root": func(o *options) { o.startup.noCheckRoot = true },
		"debug":         func(o *options) { o.startup.debug, o.startup.foreground = true, true },
		"sshfs_debug":   func(o *options) { o.startup.debug, o.startup.foreground = true, true },
	}.check(t)
}
