package main

import "testing"

func TestStartOptions(t *testing.T) {
	optionChanges{
		"no_check_root": func(o *options) { o.startup.noCheckRoot = true },
		"delay_connect": func(o *options) { o.startup.delay = true },
		"verbose":       func(o *options) { o.startup.verbose = true },
		"setuid=ann":    func(o *options) { o.startup.setuid = "ann" },
		"debug":         func(o *options) { o.startup.debug, o.startup.foreground = true, true },
		"sshfs_debug":   func(o *options) { o.startup.debug, o.startup.foreground = true, true },
	}.check(t)
}
