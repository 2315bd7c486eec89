// Package integration tries the built program on real mounts against a real
// sshd, with the tools that people use, and compares what they made with the
// server's own disk.
//
// A test starts its own server and mounts a directory of it:
//
//	server := startSSHD(t)
//	m := mountDir(t, server, t.TempDir())
//	run(t, m.dir, "tar", "xf", archive)
//	sameTree(t, m.remote, m.dir)
//
// What a test keeps open while the link of its mount is down, another process must
// hold: see held_test.go. A mount that hangs fails its test: see watchdog_test.go.
// What is left over at the end, a mount or a process, fails the package: see
// main_test.go.
package integration
