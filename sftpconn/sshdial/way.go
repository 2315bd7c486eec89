package sshdial

import (
	"context"
	"errors"
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
	return several(nativeWay{NewDialer(cfg, opts)}, opts)
}

// nativeWay is a Dialer as a Way.
type nativeWay struct{ *Dialer }

func (w nativeWay) Dial(ctx context.Context) (Transport, error) {
	client, err := w.Dialer.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return client, nil
}

// errOneChannel is how a stream refuses further channels.
var errOneChannel = errors.New("a connection of this kind carries one channel")
