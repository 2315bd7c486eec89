package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"sftpmount/cache"
	"sftpmount/reconnect"
	"sftpmount/sftpconn"
	"sftpmount/sftpconn/charset"
	"sftpmount/sftpconn/idmap"
	"sftpmount/sftpconn/longpath"
	"sftpmount/sftpconn/sshdial"
)

// A stack is the file systems that stand on each other, from the connection up
// to what FUSE shows. Closing the highest closes those below.
type stack struct {
	cache  *cache.FS
	remote *reconnect.FS
	way    sshdial.Way

	current atomic.Pointer[connection] // the last one that was made
}

// connect makes the first connection and stacks the file systems on it.
func connect(ctx context.Context, o *options, log *slog.Logger) (*stack, error) {
	log = limited(log)
	route, err := o.route(ctx, log)
	if err != nil {
		return nil, err
	}
	owners, err := o.owners.ownerMap()
	if err != nil {
		return nil, err
	}
	loop, err := newLoop(o.mountpoint)
	if err != nil {
		return nil, err
	}
	s := &stack{way: route.way}
	dial := func(ctx context.Context) (sftpconn.Session, error) {
		transport, err := route.way.Dial(ctx)
		if err != nil {
			return nil, err
		}
		conn, err := sftpconn.New(ctx, transport, route.conn)
		if err != nil {
			return nil, err
		}
		session, err := o.wrap(ctx, longpath.Wrap(conn, transport), owners)
		if err != nil {
			return nil, err
		}
		s.current.Store(&connection{route, transport, conn})
		return loop.guard(ctx, session, transport), nil
	}
	reconnecting := o.reconnectOptions(log)
	// Nothing is open, and so is opened again, before s.cache is there.
	reconnecting.OnReopen = func(path string) { s.cache.Invalidate(path) }
	reconnecting.OnLoss = func(path string, bytes int64) { s.cache.Lost(path, bytes) }
	remote, err := reconnect.New(ctx, dial, reconnecting)
	if err != nil {
		_ = route.way.Close()
		return nil, connectError(ctx, err)
	}
	s.remote = remote
	s.cache = cache.New(remote, o.cacheOptions(log))
	return s, nil
}

// wrap returns a session whose owners are those of this machine, and whose names
// are in UTF-8.
func (o *options) wrap(ctx context.Context, conn *longpath.Session, owners ownerMap) (sftpconn.Session, error) {
	var session sftpconn.Session = conn
	if owners != nil {
		ids, err := owners(ctx, conn)
		if err != nil {
			_ = conn.Close()
			return nil, err
		}
		session = idmap.Wrap(conn, ids)
	}
	if o.names.charset != nil {
		session = charset.Wrap(session, o.names.charset)
	}
	return session, nil
}

func connectError(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, sshdial.ErrInterrupted): // at a question
		return interrupted(syscall.SIGINT)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return failure(connectCode(err), "%w", err)
}

// close sends what was written, waits for the server to have it, and ends the
// connection. A signal meanwhile is answered with what is still to be sent, and
// the next one gives that up.
func (s *stack) close(signals <-chan os.Signal, log *slog.Logger) error {
	closed := make(chan error, 1)
	go func() { // ends with close, or with the program
		err := s.cache.Close()
		_ = s.way.Close()
		closed <- err
	}()
	for warned := false; ; {
		select {
		case err := <-closed:
			if unsent := s.cache.Unsent(); len(unsent) > 0 {
				return unsentError(unsent)
			}
			return err
		case <-signals:
			unsent := s.cache.Unsent()
			if len(unsent) == 0 {
				continue
			}
			if warned {
				return unsentError(unsent)
			}
			warned = true
			log.Warn("still sending what was written; another signal gives it up", "unsent", describeUnsent(unsent))
		}
	}
}

func unsentError(unsent map[string]int64) error {
	return failure(exitUnsent, "data did not reach the server: %s", describeUnsent(unsent))
}

// describeUnsent lists files by name with what they lack, the first ten of them.
func describeUnsent(unsent map[string]int64) string {
	var list []string
	for i, path := range slices.Sorted(maps.Keys(unsent)) {
		if i == 10 {
			list = append(list, fmt.Sprintf("and %d more files", len(unsent)-i))
			break
		}
		if unsent[path] == 0 {
			list = append(list, "a change of "+path)
			continue
		}
		list = append(list, fmt.Sprintf("%d bytes of %s", unsent[path], path))
	}
	return strings.Join(list, ", ")
}
