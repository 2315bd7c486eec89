package known

import "sftpmount/sftpconn"

// Kind is a kind of file. Kinds can be added up.
type Kind uint8

// The kinds that there are.
const (
	Folder Kind = 1 << iota
	File
	Link // symbolic
)

// kindOf returns the kind of the file that attr is of.
func kindOf(attr sftpconn.Attr) Kind {
	switch {
	case attr.IsDir():
		return Folder
	case attr.IsSymlink():
		return Link
	}
	return File
}
