package main

import (
	"fmt"
	"strings"
)

const usageText = `usage: sftpmount [user@]host:[dir] mountpoint [options]

Mounts a directory of a server over SSH. An empty dir is the home directory
there. "fusermount3 -u mountpoint" or, as root, "umount mountpoint" unmounts.

  -o opt[,opt...]          options, listed below; may be repeated
  -p port                  port on the server
  -F ssh_config            use this instead of ~/.ssh/config
  -C                       compress; the ssh program makes the connection
  -r                       mount read-only
  -f                       stay in the foreground and log to standard error
  -v                       log more
  -d                       log every operation too, and stay in the foreground
  -h                       show this text
  -V                       show the version
`

const usageEnd = `
Also after -o: options of ssh_config(5) as keyword=value, such as
IdentityFile=~/.ssh/id_work or ConnectTimeout=10, and those of mount(8), such
as ro or noexec. A later option overrides an earlier one.
`

// helpText is made from the table of options.
func helpText(who persona) string {
	var text strings.Builder
	text.WriteString(strings.Replace(usageText, ourselves.name, who.name, 1))
	if !who.isSSHFS() {
		text.WriteString(commandsHelp())
	}
	for _, group := range defaultOptions().table() {
		text.WriteString("\n" + group.title + ":\n")
		for option := range listed([]optionGroup{group}) {
			name := option.name
			if option.arg != "" {
				name += "=" + option.arg
			}
			fmt.Fprintf(&text, "  -o %-29s %s\n", name, option.help)
		}
	}
	text.WriteString(usageEnd)
	return text.String()
}

func commandsHelp() string {
	var text strings.Builder
	text.WriteString("\nCommands:\n")
	for _, c := range commands() {
		if c.help != "" {
			fmt.Fprintf(&text, "  %-32s  %s\n", "sftpmount "+strings.TrimSpace(c.name+" "+c.args), c.help)
		}
	}
	return text.String()
}
