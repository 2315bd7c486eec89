// Package sftptest holds what tests of a file system over SFTP need: a [Link],
// which is a line to a server with a delay, a rate and faults.
package sftptest
