package main

// symlinkOptions say how far the server's symbolic links are trusted.
type symlinkOptions struct {
	followSymlinks    bool
	transformSymlinks bool
	allowEscapes      bool // no_contain_symlinks
}

func (o *symlinkOptions) rows() []option {
	return []option{
		{"contain_symlinks", "", "links that lead out of the mount cannot be read (the default)", set(&o.allowEscapes, false)},
		{"no_contain_symlinks", "", "links may lead anywhere: trust the server", set(&o.allowEscapes, true)},
		{"transform_symlinks", "", "absolute links into the mounted directory become relative", set(&o.transformSymlinks, true)},
		{"follow_symlinks", "", "links look like what they point to on the server", set(&o.followSymlinks, true)},
	}
}
