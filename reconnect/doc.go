// Package reconnect is an [sftpconn.FS] over dialled connections that outlives
// each of them: a drop is a pause.
//
// One goroutine, the supervisor, owns the connection and makes the next one
// when it ends. An operation takes the current connection, or waits for the
// next one. What happens to an operation whose reply was outstanding when the
// connection ended is said in one table, replayTable.
//
// An open file keeps what is needed to open it again, and everything that was
// written to it and not acknowledged. The first operation on it after a drop
// opens it again, checks that it is still there, and sends again, in the order
// in which it was started, what was not acknowledged.
//
// The files, by what they are about:
//
//	the connection      supervisor, redial, wake, network, status, options
//	operations          fs, replay, look, exclusive
//	open files          file, openfiles, pending, reopen, lend, tail, unsynced
//
// Lock order: file.gate (a channel, as it is held across requests), file.mu,
// marks.mu. openFiles.mu and supervisor.mu are held alone. None but the gate is held
// across a request; file.mu is held while requests are started, which does not
// block.
package reconnect
