// Package sftptest holds what tests of a file system over SFTP need, as
// net/http/httptest does for HTTP.
//
// Servers and ways to them:
//
//   - [Link], a line to any server, with a delay, a rate and faults;
//   - [Server], an SSH server in this process with the sftp subsystem, which
//     can fail at any request, before or after it is executed;
//   - [Scripted], a server without SSH that sends whatever bytes a test likes;
//   - [DialTransport] and [SFTPServerTransport], simple ways to a server;
//   - [FarTransport], a server that nothing but distance keeps from answering.
//
// Suites and doubles of [sftpconn.FS]:
//
//   - [TestFS], which every FS passes;
//   - [TestHostile], which every FS passes that decodes packets;
//   - [Mock] and [MockFile], an FS whose methods a test replaces one by one.
//
// A Server executes requests with github.com/pkg/sftp, or with OpenSSH's
// sftp-server if Options.OpenSSH is set. The former lacks, as against the
// latter:
//
//   - the extensions fsync, lsetstat, limits, copy-data, expand-path,
//     home-directory and users-groups-by-id; it has posix-rename, statvfs and
//     hardlink;
//   - SSH_FXF_APPEND, which it ignores: a write goes to the offset given;
//   - RENAME that fails if the new name exists: it replaces;
//   - REMOVE that fails on a directory and RMDIR that fails on a file: both
//     remove either;
//   - posix-rename onto an empty directory;
//   - access times: it tells the modification time twice;
//   - the mode in MKDIR, which it ignores;
//   - FSETSTAT of times after the file was renamed or removed: it goes by the
//     name; of the other attributes it goes by the handle, as it should;
//   - a umask of its own: the one of this process applies.
//
// It answers READDIR with 128 names and READ with up to 255 KiB. Either way one
// request of a channel runs after the other, in order.
//
// All servers serve the file system of this machine by absolute paths, so a
// test can look at the disk itself. Nothing here leaves loopback.
package sftptest
