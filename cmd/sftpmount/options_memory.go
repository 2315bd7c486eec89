package main

import "time"

// memoryOptions say what this program and the kernel keep in memory.
type memoryOptions struct {
	noDirCache  bool
	statTimeout time.Duration
	dirTimeout  time.Duration
	linkTimeout time.Duration
	cacheSize   int
	noReadAhead bool
	syncWrites  bool
	asyncClose  bool
	syncReadDir bool

	kernel kernelCacheOptions
}

// kernelCacheOptions say what the kernel keeps.
type kernelCacheOptions struct {
	entryTimeout    time.Duration
	attrTimeout     time.Duration
	negativeTimeout time.Duration
	directIO        bool
	kernelCache     bool
	noAutoCache     bool
	maxRead         int
}

func defaultMemoryOptions() memoryOptions {
	return memoryOptions{
		statTimeout: 20 * time.Second,
		dirTimeout:  20 * time.Second,
		linkTimeout: 20 * time.Second,
		cacheSize:   400_000,
		kernel: kernelCacheOptions{
			entryTimeout: time.Second,
			attrTimeout:  time.Second,
		},
	}
}

func (o *memoryOptions) rows() []option {
	return []option{
		{"dcache_timeout", "SECONDS", "how long attributes, listings and link targets are kept (20)",
			seconds(&o.statTimeout, &o.dirTimeout, &o.linkTimeout)},
		{"dcache_stat_timeout", "SECONDS", "the same for attributes alone", seconds(&o.statTimeout)},
		{"dcache_dir_timeout", "SECONDS", "the same for listings alone", seconds(&o.dirTimeout)},
		{"dcache_link_timeout", "SECONDS", "the same for link targets alone", seconds(&o.linkTimeout)},
		{"dcache_max_size", "N", "how many names are kept (400000)", number(&o.cacheSize)},
		{"dir_cache", "yes|no", "whether any of them are kept (yes)", yesNo(func(yes bool) { o.noDirCache = !yes })},
		{"no_readahead", "", "read and list only what is asked for", set(&o.noReadAhead, true)},
		{"sshfs_sync", "", "each write waits until the server has it", set(&o.syncWrites, true)},
		{"async_close", "", "changes are answered before the server has made them", set(&o.asyncClose, true)},
		{"sync_readdir", "", "the parts of a listing are asked for one by one", set(&o.syncReadDir, true)},
		{"direct_io", "", "the kernel caches no file contents", set(&o.kernel.directIO, true)},
		{"kernel_cache", "", "the kernel never drops cached contents at open", set(&o.kernel.kernelCache, true)},
		{"auto_cache", "", "it drops them if the file changed (the default)", func(string) error {
			o.kernel.kernelCache, o.kernel.noAutoCache = false, false
			return nil
		}},
		{"noauto_cache", "", "it drops them at every open", set(&o.kernel.noAutoCache, true)},
		{"entry_timeout", "SECONDS", "how long the kernel keeps names (1)", seconds(&o.kernel.entryTimeout)},
		{"attr_timeout", "SECONDS", "how long the kernel keeps attributes (1)", seconds(&o.kernel.attrTimeout)},
		{"negative_timeout", "SECONDS", "how long the kernel keeps names known absent (0)", seconds(&o.kernel.negativeTimeout)},
		{"max_read", "BYTES", "largest read that the kernel asks for", func(v string) error {
			if o.kernel.maxRead = 0; v == "0" { // what the kernel takes, as in libfuse
				return nil
			}
			return number(&o.kernel.maxRead)(v)
		}},
		{"nodirect_io", "", "", set(&o.kernel.directIO, false)},
	}
}
