package sshdial

import (
	"context"
	"io"
)

// Transport is a connection that can carry SFTP channels. It is what
// sftpconn.Transport is.
type Transport interface {
	OpenChannel(ctx context.Context) (io.ReadWriteCloser, error)
	Ping() error
	Close() error
}

// Way reaches one server, one time after the other. Only the first Dial may ask
// the user anything.
type Way interface {
	// Dial makes the next connection. It ends with ctx. [IsPermanent] tells
	// whether an error will pass, and [CauseOf] what it comes from.
	Dial(ctx context.Context) (Transport, error)

	// Close waits for a Dial that is under way and forgets what the next one
	// would need. Connections live on.
	Close() error
}

// NewWay returns the way to the server that cfg describes, over SSH.
func NewWay(cfg Config, opts Options) Way {
	if cfg.Program != "" {
		opts.logger().Info("the ssh program is the transport", "since", cfg.Program)
		return several(newProgramWay(cfg, opts), opts)
	}
	return several(newNativeWay(cfg, opts), opts)
}
