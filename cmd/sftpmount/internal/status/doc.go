// Package status tells how a mount is, and ends it, from outside of the program
// that serves it.
//
// Each mount listens on a Unix socket of its own, in a folder that only the user
// who mounted may enter (see folders). HTTP on it answers
//
//	GET  /status   with a [Report], as JSON
//	POST /unmount  with lines of JSON, one [Progress] each, until all is done
//
// Neither touches the mount itself, so both work while it hangs.
package status
