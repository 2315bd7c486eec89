package sftpconn

import (
	"context"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// maxOwnerNames is how many names are asked for at once.
const maxOwnerNames = 1000

// OwnerNames returns the server's names of users and of groups
// (users-groups-by-id@openssh.com). A number that has none gets an empty one.
func (c *Conn) OwnerNames(ctx context.Context, uids, gids []uint32) (users, groups []string, err error) {
	if !c.has(extOwnerNames) {
		return nil, nil, missing(extOwnerNames)
	}
	for len(uids) > 0 || len(gids) > 0 {
		nu, ng := min(len(uids), maxOwnerNames), min(len(gids), maxOwnerNames)
		u, g, err := c.ownerNames(ctx, uids[:nu], gids[:ng])
		if err != nil {
			return nil, nil, err
		}
		users, groups = append(users, u...), append(groups, g...)
		uids, gids = uids[nu:], gids[ng:]
	}
	return users, groups, nil
}

func (c *Conn) ownerNames(ctx context.Context, uids, gids []uint32) (users, groups []string, err error) {
	b := new(sshfx.Buffer)
	for _, ids := range [][]uint32{uids, gids} {
		packed := new(sshfx.Buffer)
		for _, id := range ids {
			packed.AppendUint32(id)
		}
		b.AppendString(string(packed.Bytes()))
	}
	ask := c.meta.start("users-groups-by-id", "", extended(extOwnerNames, b))
	if err := ask.wait(ctx); err != nil {
		return nil, nil, err
	}
	reply, err := ask.expect(sshfx.PacketTypeExtendedReply)
	if err != nil {
		return nil, nil, err
	}
	userNames, groupNames := reply.ConsumeString(), reply.ConsumeString()
	if reply.Err != nil {
		return nil, nil, ask.malformed(reply.Err)
	}
	if users, err = unpackNames(userNames, len(uids)); err == nil {
		groups, err = unpackNames(groupNames, len(gids))
	}
	if err != nil {
		return nil, nil, ask.malformed(err)
	}
	return users, groups, nil
}

// unpackNames decodes n strings.
func unpackNames(packed string, n int) ([]string, error) {
	b := sshfx.NewBuffer([]byte(packed))
	names := make([]string, 0, n)
	for range n {
		names = append(names, b.ConsumeString())
		if b.Err != nil {
			return nil, b.Err
		}
	}
	return names, nil
}
