package main

import "testing"

func TestSymlinkOptions(t *testing.T) {
	optionChanges{
		"transform_symlinks":  func(o *options) { o.symlinks.transformSymlinks = true },
		"contain_symlinks":    func(*options) {},
		"no_contain_symlinks": func(o *options) { o.symlinks.allowEscapes = true },
		"follow_symlinks":     func(o *options) { o.symlinks.followSymlinks = true },
	}.check(t)
}
