package main

// mountOptions say how the mount looks to the kernel and who may use it.
type mountOptions struct {
	fsname, subtype    string
	allowOther         bool
	allowRoot          bool
	defaultPermissions bool
	noHardLinks        bool
	remount            bool
	autoUnmount        bool
	kernelFlags        []string // ro, noexec, ...: later ones override earlier ones
}

func defaultMountOptions() mountOptions {
	return mountOptions{subtype: "sftpmount"}
}

func (o *mountOptions) rows() []option {
	return []option{
		{"allow_other", "", "other users may use the mount", set(&o.allowOther, true)},
		{"allow_root", "", "root may use the mount", set(&o.allowRoot, true)},
		{"default_permissions", "", "the kernel checks permissions by the modes shown", set(&o.defaultPermissions, true)},
		{"auto_unmount", "", "unmount even if this program is killed", set(&o.autoUnmount, true)},
		{"disable_hardlink", "", "hard links cannot be made", set(&o.noHardLinks, true)},
		{"remount", "", "change ro, rw and other flags of what is mounted", set(&o.remount, true)},
		{"fsname", "NAME", "source shown by mount and df (user@host:dir)", text(&o.fsname)},
		{"subtype", "NAME", "type shown as fuse.NAME (sftpmount)", text(&o.subtype)},
	}
}
