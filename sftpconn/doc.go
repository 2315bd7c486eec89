// Package sftpconn is a remote file system on one live connection: a client of
// SFTP version 3 (draft-ietf-secsh-filexfer-02) and of OpenSSH's extensions to
// it (OpenSSH's PROTOCOL file, section 4).
//
// It also holds the vocabulary that all layers of sftpmount share: [FS] and
// [File], [Attr], [DirEntry], and the errors.
//
// The files, by what they are about:
//
//	the vocabulary      fs, attr, errors, owner, interrupt, ahead, find, transport
//	the connection      conn, keepalive, roundtrip, status, bulk, tidy, quirks, foreign
//	a channel           channel, handshake, call, reply, extension
//	operations          ops, dir, open, rename, closes, ownernames
//	open files          file, widen, spread, foretell, copy
package sftpconn
