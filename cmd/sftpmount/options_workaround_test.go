package main

import "testing"

func TestWorkaroundOptions(t *testing.T) {
	optionChanges{
		"workaround=none":               func(*options) {},
		"workaround=rename":             func(*options) {},
		"workaround=renamexdev:nofstat": func(o *options) { o.workarounds.renameXDEV = true },
		"workaround=truncate:fstat:notruncate:nobuflimit:nodelay": func(o *options) { o.workarounds.fstat = true },
		"workaround=fstat:none:createmode":                        func(o *options) { o.workarounds.createMode = true },
	}.check(t)
}
