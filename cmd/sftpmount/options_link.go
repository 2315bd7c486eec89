package main

import "time"

// linkOptions say what becomes of operations when the link drops.
type linkOptions struct {
	noReconnect      bool
	hard             bool
	reconnectTimeout time.Duration
}

func defaultLinkOptions() linkOptions {
	return linkOptions{reconnectTimeout: 60 * time.Second}
}

func (o *linkOptions) rows() []option {
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
