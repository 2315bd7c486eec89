package main

import "slices"

// An option is one of those that follow -o.
type option struct {
	name string
	arg  string // how the help calls its value; empty: it takes none
	help string // empty: an old or another name, which the help leaves out
	set  func(value string) error
}

// An optionGroup is a heading of the help with its options.
type optionGroup struct {
	title   string // empty: the help leaves its options out
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
		{"", slices.Concat(
			o.memory.oldRows(),
			o.names.oldRows(),
			o.transport.oldRows(),
			o.startup.oldRows(),
		)},
	}
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
