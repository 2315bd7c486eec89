package reconnect

import "time"

// State is what the supervisor is doing.
type State int

// The states of the connection.
const (
	Connecting State = iota // an attempt to connect is under way
	Up                      // there is a connection
	Waiting                 // the next attempt is to come
	Closed                  // there will be no further connection
	Asleep                  // no operation has asked for a connection yet
)

func (s State) String() string {
	return [...]string{"connecting", "up", "waiting", "closed", "asleep"}[s]
}

// Status is a snapshot of the connection.
type Status struct {
	State      State
	Since      time.Time // when the connection came up, or when it went down
	Connection int       // how many connections there were, with the current one
	Attempts   int       // failed attempts since the connection went down
	LastError  error     // why a connection ended or an attempt failed, the last time; nil: never yet
	FailedAt   time.Time // when that was
	Next       time.Time // when the next attempt begins; zero unless Waiting
}
