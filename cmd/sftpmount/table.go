package main

// An option is one of those that follow -o.
type option struct {
	name string
	arg  string // how the help calls its value; empty: it takes none
	help string // empty: an old or another name, which the help leaves out
	set  func(value string) error
}

// An optionGroup is a heading of the help with its options.
type optionGroup struct {
	title   string
	options []option
}

// table lists all options but those named as in ssh_config (keywords.go) and
// those of mount(8) (mountoptions.go). Setting one changes o.
func (o *options) table() []optionGroup {
	return []optionGroup{
		{"When the link drops", o.linkOptions()},
		{"What is kept in memory", o.memoryOptions()},
		{"Symbolic links of the server", o.symlinkOptions()},
		{"How the mount looks", o.mountOptions()},
		{"Logging in, starting, debugging", o.startOptions()},
		{"", o.oldOptions()},
		{"", o.laterOptions()},
	}
}

func (o *options) linkOptions() []option {
	return []option{
		{"reconnect_timeout", "SECONDS", "how long operations wait for the link (60)", func(v string) error {
			o.hard = false
			return seconds(&o.reconnectTimeout)(v)
		}},
		{"hard", "", "operations wait for the link for ever", set(&o.hard, true)},
		{"no_reconnect", "", "a lost link is not dialled again", set(&o.noReconnect, true)},
		{"reconnect", "", "a lost link is dialled again (the default)", set(&o.noReconnect, false)},
	}
}

func (o *options) memoryOptions() []option {
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
		{"direct_io", "", "the kernel caches no file contents", set(&o.directIO, true)},
		{"kernel_cache", "", "the kernel never drops cached contents at open", set(&o.kernelCache, true)},
		{"auto_cache", "", "it drops them if the file changed (the default)", func(string) error {
			o.kernelCache, o.noAutoCache = false, false
			return nil
		}},
		{"entry_timeout", "SECONDS", "how long the kernel keeps names (1)", seconds(&o.entryTimeout)},
		{"attr_timeout", "SECONDS", "how long the kernel keeps attributes (1)", seconds(&o.attrTimeout)},
		{"negative_timeout", "SECONDS", "how long the kernel keeps names known absent (0)", seconds(&o.negativeTimeout)},
		{"max_read", "BYTES", "largest read that the kernel asks for", number(&o.maxRead)},
	}
}

func (o *options) symlinkOptions() []option {
	return []option{
		{"contain_symlinks", "", "links that lead out of the mount cannot be read (the default)", set(&o.allowEscapes, false)},
		{"no_contain_symlinks", "", "links may lead anywhere: trust the server", set(&o.allowEscapes, true)},
		{"transform_symlinks", "", "absolute links into the mounted directory become relative", set(&o.transformSymlinks, true)},
		{"follow_symlinks", "", "links look like what they point to on the server", set(&o.followSymlinks, true)},
	}
}

func (o *options) mountOptions() []option {
	return []option{
		{"uid", "N", "all files belong to this user", optionalNumber(&o.uid, 10)},
		{"gid", "N", "all files belong to this group", optionalNumber(&o.gid, 10)},
		{"umask", "OCTAL", "permissions taken from all files", optionalNumber(&o.umask, 8)},
		{"allow_other", "", "other users may use the mount", set(&o.allowOther, true)},
		{"allow_root", "", "root may use the mount", set(&o.allowRoot, true)},
		{"default_permissions", "", "the kernel checks permissions by the modes shown", set(&o.defaultPermissions, true)},
		{"idmap", "none", "owners are shown as they are on the server", onlyValue("none")},
		{"fsname", "NAME", "source shown by mount and df (user@host:dir)", text(&o.fsname)},
		{"subtype", "NAME", "type shown as fuse.NAME (sftpmount)", text(&o.subtype)},
	}
}

func (o *options) startOptions() []option {
	return []option{
		{"port", "N", "port on the server, as -p", func(v string) error { return o.applySSH("Port", v, true) }},
		{"password_stdin", "", "read the password from standard input", set(&o.passwordStdin, true)},
		{"no_check_root", "", "mount although the directory is not there", set(&o.noCheckRoot, true)},
		{"debug", "", "log every operation and stay in the foreground, as -d", o.setDebug},
	}
}

// oldOptions are other names of options above, and values that are the only
// ones here.
func (o *options) oldOptions() []option {
	return []option{
		{"sshfs_debug", "", "", o.setDebug},
		{"sshfs_verbose", "", "", o.setDebug},
		{"noauto_cache", "", "", set(&o.noAutoCache, true)},
		{"nodirect_io", "", "", set(&o.directIO, false)},
		{"cache", "yes|no", "", yesNo(func(yes bool) { o.noDirCache = !yes })},
		{"cache_timeout", "SECONDS", "", seconds(&o.statTimeout, &o.dirTimeout, &o.linkTimeout)},
		{"cache_stat_timeout", "SECONDS", "", seconds(&o.statTimeout)},
		{"cache_dir_timeout", "SECONDS", "", seconds(&o.dirTimeout)},
		{"cache_link_timeout", "SECONDS", "", seconds(&o.linkTimeout)},
		{"cache_max_size", "N", "", number(&o.cacheSize)},
		{"ssh_protocol", "2", "", onlyValue("2")},
		{"max_conns", "1", "", onlyValue("1")},
		{"workaround", "none", "", onlyValue("none")},
	}
}

// laterOptions are known and not there yet. Going on without them would do
// something else than was asked, so they are refused.
func (o *options) laterOptions() []option {
	var list []option
	for name, arg := range map[string]string{
		"auto_unmount": "", "delay_connect": "", "directport": "PORT", "disable_hardlink": "",
		"from_code": "CHARSET", "gidfile": "FILE", "modules": "LIST", "nomap": "TYPE", "passive": "",
		"sftp_server": "PATH", "slave": "", "ssh_command": "COMMAND", "subdir": "DIR",
		"to_code": "CHARSET", "transport": "ssh", "uidfile": "FILE", "vsock": "CID:PORT",
	} {
		list = append(list, option{name: name, arg: arg, set: notYet})
	}
	return list
}

func (o *options) setDebug(string) error {
	o.debug, o.foreground = true, true
	return nil
}

// find returns the option called name, or nil.
func find(table []optionGroup, name string) *option {
	for _, group := range table {
		for i := range group.options {
			if group.options[i].name == name {
				return &group.options[i]
			}
		}
	}
	return nil
}
