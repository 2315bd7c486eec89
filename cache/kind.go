package cache

import "sftpmount/sftpconn"

// fileKind is a kind of file. Kinds can be added up.
type fileKind uint8

const (
	folder fileKind = 1 << iota
	file
	link // a symbolic one
)

// kindOf returns the kind of the file that attr is of.
func kindOf(attr sftpconn.Attr) fileKind {
	switch {
	case attr.IsDir():
		return folder
	case attr.IsSymlink():
		return link
	}
	return file
}
