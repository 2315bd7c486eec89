// Package idmap shows the owners of a server's files as other users and groups:
// those that they are on this machine.
package idmap

import (
	"context"

	"sftpmount/sftpconn"
)

// A Map translates owners, both ways. A nil half leaves its numbers as they are.
type Map struct {
	Users, Groups IDs
}

// IDs translates the numbers of users, or those of groups.
type IDs interface {
	// Local returns what numbers on the server are here. Those that have no
	// number here are missing from the map.
	Local(ctx context.Context, server Server, remote []uint32) (map[uint32]uint32, error)

	// Remote returns what a number here is on the server, and false if it
	// has none there.
	Remote(ctx context.Context, server Server, local uint32) (remote uint32, ok bool, err error)
}

// Server is what translating may need: [sftpconn.Conn] has it. Its files are
// [sftpconn.Finder]s.
type Server interface {
	sftpconn.Session

	// OwnerNames returns the names of users and groups. What has none is
	// empty.
	OwnerNames(ctx context.Context, uids, gids []uint32) (users, groups []string, err error)
}
