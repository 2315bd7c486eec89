package main

import "testing"

func TestOwnerOptions(t *testing.T) {
	one, two := uint32(1000), uint32(0o27)
	optionChanges{
		"uid=1000":   func(o *options) { o.owners.uid = &one },
		"gid=1000":   func(o *options) { o.owners.gid = &one },
		"umask=027":  func(o *options) { o.owners.umask = &two },
		"idmap=none": func(*options) {},
	}.check(t)
}
