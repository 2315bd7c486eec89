package main

// startOptions say how the program starts and what it tells.
type startOptions struct {
	foreground  bool
	debug       bool
	noCheckRoot bool
}

func (o *startOptions) rows() []option {
	return []option{
		{"no_check_root", "", "mount although the directory is not there", set(&o.noCheckRoot, true)},
		{"debug", "", "log every operation and stay in the foreground, as -d", o.setDebug},
	}
}

// oldRows are other names of the rows above.
func (o *startOptions) oldRows() []option {
	return []option{
		{"sshfs_debug", "", "", o.setDebug},
		{"sshfs_verbose", "", "", o.setDebug},
		{"workaround", "none", "", onlyValue("none")},
	}
}

// laterRows are known and not there yet.
func (o *startOptions) laterRows() []option {
	return []option{
		{"delay_connect", "", "", notYet},
	}
}

func (o *startOptions) setDebug(string) error {
	o.debug, o.foreground = true, true
	return nil
}
