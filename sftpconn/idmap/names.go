package idmap

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"os/user"
	"strconv"
	"strings"
	"sync"

	"sftpmount/sftpconn"
)

// Nobody is what is shown as the owner of a file whose owner is not known here:
// Linux's own overflow number (proc_sys_kernel(5), overflowuid).
const Nobody = 65534

// Names translates numbers that have the same name on both sides. It asks the
// server with users-groups-by-id@openssh.com for the name of each number once.
// A number whose name is not known here is [Nobody]'s.
type Names struct {
	kind kind

	mu     sync.Mutex
	names  map[uint32]string // on the server, by number; empty: it has none
	remote map[string]uint32 // the same the other way
	listed bool              // the server's own list was read
}

// kind is what tells users from groups.
type kind struct {
	ask     func(ctx context.Context, server Server, ids []uint32) ([]string, error)
	number  func(name string) (string, error) // on this machine
	name    func(number string) (string, error)
	listing string // of all on the server: name:password:number:...
}

// NewNames returns a Map by names.
func NewNames() Map {
	users := kind{
		ask: func(ctx context.Context, server Server, ids []uint32) ([]string, error) {
			names, _, err := server.OwnerNames(ctx, ids, nil)
			return names, err
		},
		number: func(name string) (string, error) {
			u, err := user.Lookup(name)
			if err != nil {
				return "", err
			}
			return u.Uid, nil
		},
		name: func(number string) (string, error) {
			u, err := user.LookupId(number)
			if err != nil {
				return "", err
			}
			return u.Username, nil
		},
		listing: "/etc/passwd",
	}
	groups := kind{
		ask: func(ctx context.Context, server Server, ids []uint32) ([]string, error) {
			_, names, err := server.OwnerNames(ctx, nil, ids)
			return names, err
		},
		number: func(name string) (string, error) {
			g, err := user.LookupGroup(name)
			if err != nil {
				return "", err
			}
			return g.Gid, nil
		},
		name: func(number string) (string, error) {
			g, err := user.LookupGroupId(number)
			if err != nil {
				return "", err
			}
			return g.Name, nil
		},
		listing: "/etc/group",
	}
	return Map{Users: newNames(users), Groups: newNames(groups)}
}

func newNames(k kind) *Names {
	return &Names{kind: k, names: make(map[uint32]string), remote: make(map[string]uint32)}
}

// Local implements [IDs].
func (n *Names) Local(ctx context.Context, server Server, remote []uint32) (map[uint32]uint32, error) {
	names, err := n.namesOf(ctx, server, remote)
	if err != nil {
		return nil, err
	}
	found := make(map[uint32]uint32, len(names))
	for id, name := range names {
		found[id] = n.kind.numberOf(name)
	}
	return found, nil
}

// numberOf returns the number that a name has on this machine.
func (k kind) numberOf(name string) uint32 {
	if name == "" {
		return Nobody
	}
	number, err := k.number(name)
	if err != nil {
		return Nobody
	}
	id, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return Nobody
	}
	return uint32(id)
}

const (
	// maxNames is how many names are remembered. More would be a server's that
	// makes them up, and all are forgotten then.
	maxNames = 1 << 16

	// maxName is the longest name that one can have, in bytes (LOGIN_NAME_MAX in
	// Linux's limits.h).
	maxName = 256
)

// namesOf returns the names that ids have on the server; empty where one has none.
// It asks for those that are not known yet.
func (n *Names) namesOf(ctx context.Context, server Server, ids []uint32) (map[uint32]string, error) {
	found := make(map[uint32]string)
	var unknown []uint32
	n.mu.Lock()
	for _, id := range ids {
		if _, again := found[id]; again {
			continue
		}
		name, known := n.names[id]
		if found[id] = name; !known {
			unknown = append(unknown, id)
		}
	}
	n.mu.Unlock()
	if len(unknown) == 0 {
		return found, nil
	}
	names, err := n.kind.ask(ctx, server, unknown)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, id := range unknown {
		if len(n.names) == maxNames {
			clear(n.names)
			clear(n.remote)
			n.listed = false
		}
		name := names[i]
		if len(name) > maxName {
			name = ""
		}
		found[id], n.names[id], n.remote[name] = name, name, id
	}
	return found, nil
}

// Remote implements [IDs]. The protocol has no question for the number of a
// name. It is known from files seen, it is the same number as here, or the
// server's own list of accounts has it.
func (n *Names) Remote(ctx context.Context, server Server, local uint32) (uint32, bool, error) {
	name, err := n.kind.name(strconv.FormatUint(uint64(local), 10))
	if err != nil || name == "" {
		return 0, false, nil
	}
	if _, err := n.namesOf(ctx, server, []uint32{local}); err != nil {
		return 0, false, err
	}
	if err := n.readList(ctx, server, name); err != nil {
		return 0, false, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	id, ok := n.remote[name]
	return id, ok, nil
}

// maxList bounds what is read of the server's list of accounts, in bytes.
const maxList = 1 << 20

// readList reads the server's list of accounts, once, if name is not known
// without.
func (n *Names) readList(ctx context.Context, server Server, name string) error {
	n.mu.Lock()
	_, known := n.remote[name]
	known = known || n.listed
	n.mu.Unlock()
	if known {
		return nil
	}
	list, err := read(ctx, server, n.kind.listing)
	if _, refused := errors.AsType[*sftpconn.StatusError](err); err != nil && !refused { // a server may hide its list
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listed = true
	for lines := bufio.NewScanner(strings.NewReader(list)); lines.Scan(); {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) < 3 {
			continue
		}
		if id, err := strconv.ParseUint(fields[2], 10, 32); err == nil && id < math.MaxUint32 {
			if _, known := n.remote[fields[0]]; !known {
				n.remote[fields[0]] = uint32(id)
			}
		}
	}
	return nil
}

// read returns the beginning of a file on the server.
func read(ctx context.Context, server Server, path string) (string, error) {
	file, attr, err := server.Open(ctx, path, sftpconn.Read, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close(ctx) }()
	p := make([]byte, min(attr.Size, maxList))
	n, err := file.ReadAt(ctx, p, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return string(p[:n]), err
}
