package main

import "iter"

// An option is one of those that follow -o.
type option struct {
	name string
	arg  string // how the help calls its value; empty: it takes none
	help string // empty: the help leaves it out, since nobody needs to look for it
	set  func(value string) error
}

// An optionGroup is a heading of the help with its options.
type optionGroup struct {
	title   string
	options []option
}

// table lists all options but those named as in ssh_config (keywords.go) and
// those of mount(8) (mountoptions.go). Setting one changes o. The rows are
// beside the fields that they set, in options_*.go.
func (o *options) table() []optionGroup {
	return []optionGroup{
		{"When the link drops", o.link.rows()},
		{"What is kept in memory", o.memory.rows()},
		{"Symbolic links of the server", o.symlinks.rows()},
		{"Names", o.names.rows()},
		{"Whose files they are", o.owners.rows()},
		{"How the mount looks", o.mount.rows()},
		{"How the server is reached", o.transport.rows()},
		{"Faults of the server", o.workarounds.rows()},
		{"Starting and debugging", o.startup.rows()},
		{"Logs and metrics", o.log.rows()},
	}
}

// aliases are further names of options, which sshfs takes.
var aliases = map[string]string{
	"cache":              "dir_cache",
	"cache_timeout":      "dcache_timeout",
	"cache_stat_timeout": "dcache_stat_timeout",
	"cache_dir_timeout":  "dcache_dir_timeout",
	"cache_link_timeout": "dcache_link_timeout",
	"cache_max_size":     "dcache_max_size",
	"slave":              "passive",
	"sshfs_debug":        "debug",
	"sshfs_verbose":      "verbose",
}

// find returns the option called name, or nil.
func find(table []optionGroup, name string) *option {
	if alias, ok := aliases[name]; ok {
		name = alias
	}
	for _, group := range table {
		for i := range group.options {
			if group.options[i].name == name {
				return &group.options[i]
			}
		}
	}
	return nil
}

// listed yields the options that the help lists.
func listed(table []optionGroup) iter.Seq[option] {
	return func(yield func(option) bool) {
		for _, group := range table {
			for _, option := range group.options {
				if option.help != "" && !yield(option) {
					return
				}
			}
		}
	}
}
