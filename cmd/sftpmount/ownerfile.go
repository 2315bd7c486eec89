package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// readOwners reads a file for idmap=file. Each line is the name that somebody
// has here, a colon, and his number on the server. As with sshfs, the file has
// to be the user's own, since it decides whose files are whose.
func readOwners(path string, lookup func(name string) (uint32, error)) (map[uint32]uint32, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case ok && st.Uid != uint32(os.Getuid()):
		return nil, fmt.Errorf("the file belongs to user %d, and must belong to user %d, who mounts: chown it", st.Uid, os.Getuid())
	case info.Mode().Perm()&0o022 != 0:
		return nil, errors.New("others may write to the file: chmod go-w it")
	}
	pairs := map[uint32]uint32{}
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		if lines.Text() == "" {
			continue
		}
		here, there, err := parseOwner(lines.Text(), lookup)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		pairs[here] = there
	}
	return pairs, lines.Err()
}

func parseOwner(line string, lookup func(name string) (uint32, error)) (here, there uint32, err error) {
	i := strings.LastIndexByte(line, ':')
	if i < 0 {
		return 0, 0, fmt.Errorf("%q is not of the form name:number", line)
	}
	n, err := strconv.ParseUint(line[i+1:], 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("%q is not a number of somebody on the server", line[i+1:])
	}
	here, err = lookup(line[:i])
	return here, uint32(n), err
}

func userNumber(name string) (uint32, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return 0, fmt.Errorf("no user here is called %q", name)
	}
	return ownerNumber(u.Uid)
}

func groupNumber(name string) (uint32, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, fmt.Errorf("no group here is called %q", name)
	}
	return ownerNumber(g.Gid)
}

func ownerNumber(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err
}
