package main

import (
	"testing"
	"time"
)

func TestMemoryOptions(t *testing.T) {
	optionChanges{
		"dcache_timeout=5": func(o *options) {
			o.memory.statTimeout, o.memory.dirTimeout, o.memory.linkTimeout = 5*time.Second, 5*time.Second, 5*time.Second
		},
		"cache_timeout=0":       func(o *options) { o.memory.statTimeout, o.memory.dirTimeout, o.memory.linkTimeout = 0, 0, 0 },
		"dcache_stat_timeout=5": func(o *options) { o.memory.statTimeout = 5 * time.Second },
		"dcache_dir_timeout=5":  func(o *options) { o.memory.dirTimeout = 5 * time.Second },
		"dcache_link_timeout=5": func(o *options) { o.memory.linkTimeout = 5 * time.Second },
		"dcache_max_size=5":     func(o *options) { o.memory.cacheSize = 5 },
		"dir_cache=no":          func(o *options) { o.memory.noDirCache = true },
		"cache=no":              func(o *options) { o.memory.noDirCache = true },
		"no_readahead":          func(o *options) { o.memory.noReadAhead = true },
		"async_close":           func(o *options) { o.memory.asyncClose = true },
		"sshfs_sync":            func(o *options) { o.memory.syncWrites = true },
		"sync_readdir":          func(o *options) { o.memory.syncReadDir = true },
		"direct_io":             func(o *options) { o.memory.kernel.directIO = true },
		"kernel_cache":          func(o *options) { o.memory.kernel.kernelCache = true },
		"auto_cache":            func(*options) {},
		"entry_timeout=2":       func(o *options) { o.memory.kernel.entryTimeout = 2 * time.Second },
		"attr_timeout=2":        func(o *options) { o.memory.kernel.attrTimeout = 2 * time.Second },
		"negative_timeout=2":    func(o *options) { o.memory.kernel.negativeTimeout = 2 * time.Second },
		"max_read=0":            func(*options) {},
		"max_read=65536":        func(o *options) { o.memory.kernel.maxRead = 65536 },
	}.check(t)
}
