package walk

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/pathname"
	"sftpmount/sftpconn"
)

// Whatever programs do, and whenever what was fetched comes, walks go on, and give back
// what they hold.
func TestRandomPrograms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for seed := range uint64(20) {
			newRandomPrograms(t, 810+seed).run(2000) // 823 came to a step that was nobody's
		}
	})
}

// randomPrograms go through a tree by chance.
type randomPrograms struct {
	*rand.Rand
	t     *testing.T
	names *known.Names
	ws    *Walks
	tree  map[string][]sftpconn.DirEntry
	paths []string
	comes []func() []Request // what was asked for, and is to come
}

func newRandomPrograms(t *testing.T, seed uint64) *randomPrograms {
	p := &randomPrograms{Rand: rand.New(rand.NewPCG(seed, 1)), t: t, tree: map[string][]sftpconn.DirEntry{}}
	opts := known.Options{AttrTimeout: 20 * time.Second, DirTimeout: 20 * time.Second, LinkTimeout: time.Second, NegativeTimeout: time.Second, MaxEntries: 1000, MaxBytes: 1 << 20}
	p.names = known.New(opts)
	p.ws = New(p.names, Options{DirTimeout: opts.DirTimeout, ReadBuffer: 8 << 20}, func(*OpenedFile) {})
	p.grow("/", 3)
	return p
}

func (p *randomPrograms) grow(dir string, depth int) {
	for i := range 3 + p.IntN(12) {
		attr := sftpconn.Attr{Valid: sftpconn.AttrAll, Mode: 0o100644, Size: uint64(p.IntN(600 << 10)), Mtime: uint32(time.Now().Unix()) - 100}
		name := fmt.Sprintf("%c%d", 'a'+p.IntN(26), i)
		switch {
		case depth > 0 && p.IntN(3) > 0:
			attr.Mode, attr.Size = 0o040755, 4096
			if p.IntN(10) == 0 {
				name = "." + name
			}
			p.grow(pathname.Join(dir, name), depth-1)
		case p.IntN(8) == 0:
			attr.Mode, attr.Size = 0o120777, 10
		}
		p.tree[dir] = append(p.tree[dir], sftpconn.DirEntry{Name: name, Attr: attr})
		p.paths = append(p.paths, pathname.Join(dir, name))
	}
}

func (p *randomPrograms) attr(path string) sftpconn.Attr {
	dir, name := pathname.Split(path)
	for _, e := range p.tree[dir] {
		if e.Name == name {
			return e.Attr
		}
	}
	return sftpconn.Attr{}
}

func (p *randomPrograms) list(dir string, ahead bool) {
	p.names.LearnListing(dir, p.names.Asking(), p.tree[dir], ahead)
}

func (p *randomPrograms) fetch(requests []Request) {
	for _, r := range requests {
		ok := p.IntN(10) > 0
		p.comes = append(p.comes, func() []Request {
			switch {
			case r.Again != nil:
				r.Again.Refreshing = false
				if !ok {
					p.ws.Outdated(r.Step, r.Again)
				}
			case r.Kind == known.Folder:
				if ok {
					p.list(r.Path, true)
				}
				return p.ws.ListingCame(r.Step, ok)
			case r.Kind == known.Link:
				p.ws.LinkCame(r.Step, ok)
			case ok:
				p.ws.FileCame(r.Step, &OpenedFile{Attr: p.attr(r.Path), Asked: p.names.Asking(), Told: time.Now()})
			default:
				p.ws.FileCame(r.Step, nil)
			}
			return nil
		})
	}
}

func (p *randomPrograms) come() {
	if len(p.comes) > 0 {
		i := p.IntN(len(p.comes))
		do := p.comes[i]
		p.comes = append(p.comes[:i], p.comes[i+1:]...)
		p.fetch(do())
	}
}

// act does with path what a program may do.
func (p *randomPrograms) act(path string) {
	attr := p.attr(path)
	switch {
	case p.IntN(4) == 0:
		_, v := p.names.Lookup(path)
		p.fetch(p.ws.LooksUp(path, v == known.Present))
	case attr.IsDir():
		_, ok := p.names.List(path)
		p.fetch(p.ws.Lists(path, ok))
		if !ok {
			p.list(path, false)
			p.fetch(p.ws.HasListed(path))
		}
	case attr.IsSymlink():
		p.fetch(p.ws.ReadsLink(path))
	default:
		s, ahead := p.ws.Opens(path)
		p.fetch(ahead)
		if s != nil {
			p.ws.HandOver(s)
		}
	}
}

func (p *randomPrograms) run(acts int) {
	at, stride := 0, 1
	for range acts {
		switch p.IntN(12) {
		case 0:
			at, stride = p.IntN(len(p.paths)), 1+p.IntN(3)
		case 1:
			time.Sleep(time.Duration(p.IntN(300)) * time.Millisecond)
		case 2:
			p.ws.Sweep(time.Now())
		case 3:
			p.ws.TakeAway(p.paths[p.IntN(len(p.paths))])
			p.names.ForgetListing(p.paths[p.IntN(len(p.paths))])
		case 4, 5, 6:
			p.come()
		default:
			p.act(p.paths[at%len(p.paths)])
			at += stride
		}
	}
	for len(p.comes) > 0 {
		p.come()
	}
	for range 100 {
		time.Sleep(StepAge)
		p.ws.Sweep(time.Now())
	}
	assert.Equal(p.t, Held{}, p.ws.Held())
}
