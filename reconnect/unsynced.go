package reconnect

import "sftpmount/sftpconn"

// unsynced is what the server has acknowledged of a file, and was not asked to put
// on its disk. If the server's machine goes down it may lose that, and says nothing:
// SFTP has no write verifier, as NFS has. It shows where the file is shorter then.
type unsynced struct {
	end    int64 // of the furthest such write; 0: none
	newest int   // number of the last request that counts in it
	over   int   // number of the last one that does not count: the size was set after it, or it was synced
}

// begin takes in that a request with a number is started.
func (u *unsynced) begin(p *pending) {
	if p.resizes() {
		*u = unsynced{over: p.number - 1}
	}
}

// synced takes in that the server has put on its disk what was started up to the
// request with a number.
func (u *unsynced) synced(number int) {
	u.over = max(u.over, number)
	if u.newest <= number {
		u.end = 0
	}
}

// extend takes in that the request with a number has written up to end.
func (u *unsynced) extend(number int, end int64) {
	u.end = max(u.end, end)
	u.newest = max(u.newest, number)
}

// note takes account of the outcome of p. tail is where an append then ends.
func (u *unsynced) note(p *pending, tail tail) {
	switch {
	case p.err != nil || p.number <= u.over:
	case p.op == opWrite:
		u.extend(p.number, p.off+int64(len(p.data)))
	case p.op == opAppend && tail.known:
		u.extend(p.number, tail.end)
	case p.resizes():
		u.extend(p.number, int64(p.set.Size))
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
		open.unsynced = unsynced{over: open.tail.starts}
		open.mu.Unlock()
	}
}
