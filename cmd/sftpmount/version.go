package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

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

// fullVersion is what to add to a report of a bug.
func fullVersion() string {
	var text strings.Builder
	fmt.Fprintf(&text, "sftpmount version %s\n", versionText())
	fmt.Fprintf(&text, "commit %s\n", commitText())
	fmt.Fprintf(&text, "built with %s for %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return text.String()
}

// commitText is the commit that Go found the sources at, if they were in a
// repository.
func commitText() string {
	settings := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			settings[setting.Key] = setting.Value
		}
	}
	commit := settings["vcs.revision"]
	switch {
	case commit == "":
		return "unknown"
	case settings["vcs.modified"] == "true":
		return commit + ", with changes"
	}
	return commit + " of " + settings["vcs.time"]
}
