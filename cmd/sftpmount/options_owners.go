package main

import (
	"context"
	"fmt"
	"os"

	"sftpmount/sftpconn/idmap"
)

// ownerOptions say who owns files, as the mount shows it.
type ownerOptions struct {
	uid, gid *uint32
	umask    *uint32

	idmap            string // none, user, file or name
	uidFile, gidFile string // for file
	nomap            string // for file: error, or ignore: who is not in them stays as he is
}

func (o *ownerOptions) rows() []option {
	return []option{
		{"uid", "N", "all files belong to this user", optionalNumber(&o.uid, 10)},
		{"gid", "N", "all files belong to this group", optionalNumber(&o.gid, 10)},
		{"umask", "OCTAL", "permissions taken from all files", optionalNumber(&o.umask, 8)},
		{"idmap", "TYPE", "owners are translated: none, user, file, name (none)", oneOf(&o.idmap, "none", "user", "file", "name")},
		{"uidfile", "FILE", "users for idmap=file, a line for each: name here:number there", text(&o.uidFile)},
		{"gidfile", "FILE", "groups for idmap=file, likewise", text(&o.gidFile)},
		{"nomap", "error|ignore", "who is in neither: an error (the default), or he stays", oneOf(&o.nomap, "error", "ignore")},
	}
}

// An ownerMap makes a server's map of owners when a session begins.
type ownerMap func(ctx context.Context, server idmap.Server) (idmap.Map, error)

// ownerMap returns nil for idmap=none.
func (o *ownerOptions) ownerMap() (ownerMap, error) {
	switch o.idmap {
	case "user":
		return loginMap, nil
	case "file":
		return o.fileMap()
	case "name":
		names := idmap.NewNames()
		return func(ctx context.Context, server idmap.Server) (idmap.Map, error) {
			// What belongs to root is asked for to see whether it can be.
			if _, _, err := server.OwnerNames(ctx, []uint32{0}, nil); err != nil {
				return names, fmt.Errorf("option \"idmap=name\": %w; use idmap=user or idmap=file", err)
			}
			return names, nil
		}, nil
	}
	return nil, nil
}

// loginMap is for idmap=user: the user who logged in, who owns the directory
// where the server starts, is the one who mounts.
func loginMap(ctx context.Context, server idmap.Server) (idmap.Map, error) {
	home, err := server.Stat(ctx, ".")
	if err != nil {
		return idmap.Map{}, fmt.Errorf("option \"idmap=user\": who logged in cannot be told: %w; use idmap=file", err)
	}
	pair := func(local int, remote uint32) *idmap.Table {
		return idmap.NewTable(map[uint32]uint32{uint32(local): remote}, false)
	}
	return idmap.Map{Users: pair(os.Getuid(), home.UID), Groups: pair(os.Getgid(), home.GID)}, nil
}

// fileMap is for idmap=file.
func (o *ownerOptions) fileMap() (ownerMap, error) {
	if o.uidFile == "" && o.gidFile == "" {
		return nil, usageError("option \"idmap=file\" needs uidfile=FILE or gidfile=FILE")
	}
	var ids idmap.Map
	for _, half := range []struct {
		option, file string
		lookup       func(string) (uint32, error)
		ids          *idmap.IDs
	}{
		{"uidfile", o.uidFile, userNumber, &ids.Users},
		{"gidfile", o.gidFile, groupNumber, &ids.Groups},
	} {
		if half.file == "" {
			continue
		}
		pairs, err := readOwners(half.file, half.lookup)
		if err != nil {
			return nil, usageError("option \"%s=%s\": %w", half.option, half.file, err)
		}
		*half.ids = idmap.NewTable(pairs, o.nomap != "ignore")
	}
	return func(context.Context, idmap.Server) (idmap.Map, error) { return ids, nil }, nil
}
