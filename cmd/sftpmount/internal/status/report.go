package status

import "time"

// Report says how a mount is. Durations are in seconds, sizes in bytes. It holds
// no secrets: no passwords, keys or contents of files.
type Report struct {
	Version    string    `json:"version"` // of the program
	PID        int       `json:"pid"`
	Source     string    `json:"source"`
	Mountpoint string    `json:"mountpoint"`
	Mounted    time.Time `json:"mounted"`
	Time       time.Time `json:"time"` // of the report

	Connection Connection  `json:"connection"`
	Traffic    Traffic     `json:"traffic"`
	Operations []Operation `json:"operations"`
	Running    []Running   `json:"running"` // those that take long, the oldest first
	OpenFiles  int         `json:"open_files"`
	Cache      Cache       `json:"cache"`
	Unsent     Unsent      `json:"unsent"`
	Panics     uint64      `json:"panics"` // requests that failed by a mistake in this program
}

// Connection says how the server is reached.
type Connection struct {
	State       string     `json:"state"`           // up, connecting, waiting, asleep (not used yet) or closed
	Since       time.Time  `json:"since"`           // when it came up, or went down
	Number      int        `json:"number"`          // how many connections there were, with this one
	Attempts    int        `json:"failed_attempts"` // since it went down
	NextAttempt *time.Time `json:"next_attempt,omitempty"`
	LastError   string     `json:"last_error,omitempty"`
	FailedAt    *time.Time `json:"last_error_time,omitempty"`
	Server      Remote     `json:"server"`
}

// Remote is what is known of the server, from this connection or the last one.
type Remote struct {
	Host        string   `json:"host"`
	Address     string   `json:"address,omitempty"`
	User        string   `json:"user"`
	Software    string   `json:"software,omitempty"` // as it calls itself
	Cipher      string   `json:"cipher,omitempty"`
	KeyExchange string   `json:"key_exchange,omitempty"`
	HostKey     string   `json:"host_key,omitempty"` // its kind
	Extensions  []string `json:"extensions"`
	MaxRead     int      `json:"max_read"`
	MaxWrite    int      `json:"max_write"`
	RoundTrip   float64  `json:"round_trip"`
	Channels    int      `json:"channels"`
	InFlight    int64    `json:"in_flight"` // bytes of file contents under way
	Silence     float64  `json:"silence"`   // since it last said anything
}

// Traffic is what programs did.
type Traffic struct {
	Total     Amount   `json:"total"`
	PerSecond Rate     `json:"per_second"` // over the last ten seconds
	Seconds   []Amount `json:"seconds"`    // each of the last 60, the oldest first
}

// Amount counts operations, and bytes of file contents.
type Amount struct {
	Operations   uint64 `json:"operations"`
	Failed       uint64 `json:"failed"`
	ReadBytes    uint64 `json:"read_bytes"`
	WrittenBytes uint64 `json:"written_bytes"`
}

// Rate is an Amount by the second.
type Rate struct {
	Operations   float64 `json:"operations"`
	ReadBytes    float64 `json:"read_bytes"`
	WrittenBytes float64 `json:"written_bytes"`
}

// Operation is one kind of request of the kernel, by FUSE's name for it.
type Operation struct {
	Name   string  `json:"name"`
	Count  uint64  `json:"count"`
	Failed uint64  `json:"failed"`
	Total  float64 `json:"total"`  // time that programs waited
	Median float64 `json:"median"` // half of them took no longer
	P99    float64 `json:"p99"`    // 99 of 100
	Max    float64 `json:"max"`
}

// Running is a request that is under way.
type Running struct {
	Operation string  `json:"operation"`
	Path      string  `json:"path"`
	Age       float64 `json:"age"`
	PID       uint32  `json:"pid"`
	UID       uint32  `json:"uid"`
}

// Cache says what round trips were spared.
type Cache struct {
	Attributes Lookups `json:"attributes"`
	Listings   Lookups `json:"listings"`
	Links      Lookups `json:"links"`

	ReadAhead   Ahead `json:"read_ahead"`   // file contents, in bytes
	ListedAhead Ahead `json:"listed_ahead"` // folders

	Names      int   `json:"names"`
	NameBytes  int64 `json:"name_bytes"`
	BlockBytes int64 `json:"block_bytes"` // file contents
}

// Lookups counts questions by whether memory answered them.
type Lookups struct {
	Hits   uint64 `json:"hits"`
	Misses uint64 `json:"misses"`
}

// Ahead counts what was fetched before it was asked for.
type Ahead struct {
	Used   uint64 `json:"used"`
	Wasted uint64 `json:"wasted"`
}

// Unsent is what was written and the server has not acknowledged.
type Unsent struct {
	Bytes int64        `json:"bytes"`
	Limit int64        `json:"limit"` // writers wait when there is more
	Files []UnsentFile `json:"files"` // the largest first

	// Failed is how many changes failed after they had been answered
	// (async_close).
	Failed uint64 `json:"failed"`
}

// UnsentFile is what of one file is unsent.
type UnsentFile struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

// Progress says how far an unmount is.
type Progress struct {
	UnsentBytes int64  `json:"unsent_bytes"`
	UnsentFiles int    `json:"unsent_files"`
	State       string `json:"state"` // of the connection

	Done  bool   `json:"done,omitempty"` // this is the last line
	Code  int    `json:"code,omitempty"` // that the program exits with
	Error string `json:"error,omitempty"`
}
