package reconnect

import "sftpmount/sftpconn"

// unsynced is what the server has acknowledged of a file, and was not asked to put
// on its disk. If the server's machine goes down it may lose that, and says nothing:
// SFTP has no write verifier, as NFS has. It shows where the file is shorter then.
type unsynced struct {
	end     int64 // of the furthest such write; 0: none
	resized int   // number of the last request that set the size: what came before it does not count
}

// begin takes in that a request with a number is started.
func (u *unsynced) begin(p *pending) {
	if p.resizes() {
		*u = unsynced{resized: p.number}
	}
}

// note takes account of the outcome of p. tail is where an append then ends.
func (u *unsynced) note(p *pending, tail tail) {
	switch {
	case p.err != nil || p.number < u.resized:
	case p.op == opWrite:
		u.end = max(u.end, p.off+int64(len(p.data)))
	case p.op == opAppend && tail.known:
		u.end = max(u.end, tail.end)
	case p.resizes():
		u.end = max(u.end, int64(p.set.Size))
	}
}

// missing returns how many bytes a file with the attributes attr lacks at its end.
func (u *unsynced) missing(attr sftpconn.Attr) int64 {
	if attr.Valid&sftpconn.AttrSize == 0 {
		return 0
	}
	return max(0, u.end-int64(attr.Size))
}

// resized takes in that the size of the file at path is set here: if it is shorter
// then, that is no loss to those that have it open.
func (f *FS) resized(path string) {
	for _, open := range f.open.at(path) {
		open.mu.Lock()
		open.unsynced = unsynced{resized: open.tail.starts}
		open.mu.Unlock()
	}
}
