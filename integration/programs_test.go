package integration

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Programs that people run on a disk.
var programs = []struct {
	name   string
	needs  string // a program that few machines lack
	script string
	check  string // prints the same on both sides
	want   string
}{
	{
		"gcc", "gcc",
		`printf '#include <stdio.h>\nint main(void) { puts("hello"); }\n' > hello.c
		gcc -g -O2 -c hello.c; ar rcs libhello.a hello.o; gcc -o hello hello.o; ./hello; strip hello`,
		"ar t libhello.a; test -x hello && echo linked", "hello.o\nlinked\n",
	},
	{
		"python venv", "python3",
		`python3 -m venv --without-pip env; env/bin/python -c 'import sys; assert sys.prefix.endswith("/env"), sys.prefix'
		mkdir package; echo 'value = 7' > package/__init__.py; env/bin/python -m compileall -q package`,
		"ls package/__pycache__ | wc -l", "1\n",
	},
	{
		"npm install", "npm",
		`mkdir package app
		echo '{"name": "small", "version": "1.0.0", "bin": "cli.js"}' > package/package.json
		printf '#!/bin/sh\necho small\n' > package/cli.js
		tar czf small.tgz package
		cd app; echo '{}' > package.json; npm install --silent --offline --no-audit --no-fund ../small.tgz
		test "$(node_modules/.bin/small)" = small`,
		"readlink app/node_modules/.bin/small", "../small/cli.js\n",
	},
	{
		// A lock that is a link to nowhere, a backup by rename, a new
		// file with the old one's mode.
		"a save like emacs's", "",
		`echo old > text; chmod 640 text
		ln -s "user@host.1234:5678" .#text; test "$(readlink .#text)" = "user@host.1234:5678"
		mv text text~; (umask 077; echo new > text); chmod --reference=text~ text; sync text; touch -r text text~; rm .#text
		(ln -s x lock; ln -s y lock 2>/dev/null) && exit 1; rm lock`,
		"cat text text~; stat -c %a text; ls -A", "new\nold\n640\ntext\ntext~\n",
	},
	{
		"sparse copies", "",
		`truncate -s 2M holes; echo end >> holes; echo start | dd of=holes conv=notrunc status=none
		cp -a --sparse=always holes copy; cp --sparse=never holes full; tar cSf holes.tar holes; mkdir out; tar xf holes.tar -C out
		cmp holes copy; cmp holes full; cmp holes out/holes; fallocate -l 3M holes`,
		"stat -c %s holes copy; cmp copy out/holes; tail -c 4 full", "3145728\n2097156\nend\n",
	},
}

// Each works in a folder of one mount. What they made is looked at on the mount
// and on the server.
func TestPrograms(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	for _, test := range programs {
		t.Run(test.name, func(t *testing.T) {
			if test.needs != "" {
				if _, err := exec.LookPath(test.needs); err != nil {
					t.Skip("this machine has no " + test.needs)
				}
			}
			folder := test.name
			run(t, m.dir, "mkdir", folder)
			shell(t, m.path(folder), test.script)
			for _, side := range []string{m.path(folder), m.onServer(folder)} {
				assert.Equal(t, test.want, shell(t, side, test.check), side)
			}
		})
	}
}
