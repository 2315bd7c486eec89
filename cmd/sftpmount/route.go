package main

import (
	"context"
	"log/slog"
	"os"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sshdial"
)

// A route is how the server is reached.
type route struct {
	way        sshdial.Way
	user, host string // empty where the way has none
	conn       sftpconn.Options
}

// route finds the way that the options and ssh_config ask for.
func (o *options) route(ctx context.Context, log *slog.Logger) (*route, error) {
	r := &route{host: o.target.host, conn: o.connOptions(log)}
	dial, err := o.dialOptions(log)
	if err != nil {
		return nil, err
	}
	switch t := &o.transport; {
	case t.passive:
		r.way = sshdial.NewPassive(os.Stdin, os.Stdout)
		return r, nil
	case t.vsock.port != 0:
		r.way = sshdial.NewVsock(t.vsock.cid, t.vsock.port, dial)
		return r, nil
	case t.directPort != 0:
		r.way = sshdial.NewDirect(t.directPort, dial)
		return r, nil
	}
	cfg, err := sshdial.Resolve(ctx, dial)
	if err != nil {
		return nil, connectError(ctx, err)
	}
	if err := refuseOwnWay(o.mountpoint, neededFiles(o, &cfg)); err != nil {
		return nil, err
	}
	r.user, r.host = cfg.User, cfg.HostName
	r.conn.KeepaliveInterval, r.conn.KeepaliveCount = cfg.ServerAliveInterval, cfg.ServerAliveCountMax
	r.way = sshdial.NewWay(cfg, dial)
	return r, nil
}

// checkWay finds options that do not go with a way without SSH, and sets what
// follows from one.
func (o *options) checkWay() error {
	way := o.transport.withoutSSH()
	if way != "" && o.transport.passwordStdin {
		return usageError("options %q and \"password_stdin\" exclude each other: nobody asks for a password", way)
	}
	if o.target.host == "" && way != "passive" && way != "vsock" {
		return usageError("%q names no server before the colon: write it as host:directory", o.target)
	}
	if o.transport.passive { // standard input and output cannot be dialled again, nor left
		o.startup.foreground, o.link.noReconnect = true, true
	}
	return nil
}
