package main

// ownerOptions say who owns files, as the mount shows it.
type ownerOptions struct {
	uid, gid *uint32
	umask    *uint32
}

func (o *ownerOptions) rows() []option {
	return []option{
		{"uid", "N", "all files belong to this user", optionalNumber(&o.uid, 10)},
		{"gid", "N", "all files belong to this group", optionalNumber(&o.gid, 10)},
		{"umask", "OCTAL", "permissions taken from all files", optionalNumber(&o.umask, 8)},
		{"idmap", "none", "owners are shown as they are on the server", onlyValue("none")},
	}
}

// laterRows are known and not there yet. Going on without them would do
// something else than was asked, so they are refused.
func (o *ownerOptions) laterRows() []option {
	return []option{
		{"uidfile", "FILE", "", notYet},
		{"gidfile", "FILE", "", notYet},
		{"nomap", "TYPE", "", notYet},
	}
}
