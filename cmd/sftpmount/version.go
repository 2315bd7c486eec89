package main

import "runtime/debug"

// version is set by the Makefile (-ldflags -X).
var version string

// versionText returns the version, which "go install" leaves to Go's own
// record.
func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
