package main

// startOptions say how the program starts and what it tells.
type startOptions struct {
	foreground  bool
	verbose     bool
	debug       bool
	noCheckRoot bool
	delay       bool   // delay_connect
	setuid      string // name or number of the user to run as
}

func (o *startOptions) rows() []option {
	return []option{
		{"no_check_root", "", "mount although the directory is not there", set(&o.noCheckRoot, true)},
		{"delay_connect", "", "connect when the mount is first used", set(&o.delay, true)},
		{"setuid", "USER", "started by root, run as this user", text(&o.setuid)},
		{"debug", "", "log every operation and stay in the foreground, as -d", func(string) error {
			o.debug, o.foreground = true, true
			return nil
		}},
		{"verbose", "", "", set(&o.verbose, true)},
	}
}
