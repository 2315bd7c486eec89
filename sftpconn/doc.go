// Package sftpconn is a remote file system on one live connection: a client of
// SFTP version 3 (draft-ietf-secsh-filexfer-02) and of OpenSSH's extensions to
// it (OpenSSH's PROTOCOL file, section 4).
//
// It also holds the vocabulary that all layers of sftpmount share: [FS] and
// [File], [Attr], [DirEntry], and the errors.
package sftpconn
