package disk

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// model is what an index does, told in the plainest way: all entries from old to new, and a hand.
type model struct {
	entries []modelEntry
	hand    int
}

type modelEntry struct {
	name   Name
	blocks uint32
	marked bool
}

func (m *model) at(n Name) int {
	return slices.IndexFunc(m.entries, func(e modelEntry) bool { return e.name == n })
}

func (m *model) remove(n Name) {
	if i := m.at(n); i >= 0 {
		m.entries = slices.Delete(m.entries, i, i+1)
		if i < m.hand {
			m.hand--
		}
	}
}

func (m *model) next() Name {
	if m.hand == len(m.entries) {
		m.hand = 0
	}
	for m.entries[m.hand].marked {
		m.entries[m.hand].marked = false
		m.hand = (m.hand + 1) % len(m.entries)
	}
	return m.entries[m.hand].name
}

func TestIndexDoesWhatItsModelDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	x := newIndex()
	var m model
	for range 20_000 {
		n := Name{random.Uint64N(8), random.Uint64N(40)}
		switch random.IntN(6) {
		case 0, 1:
			blocks := random.Uint32N(100)
			x.add(n, nil, blocks)
			m.remove(n)
			m.entries = append(m.entries, modelEntry{name: n, blocks: blocks})
		case 2:
			x.remove(n)
			m.remove(n)
		case 3, 4:
			i := m.at(n)
			news := i >= 0 && !m.entries[i].marked
			if got := x.mark(n); got != news {
				t.Fatalf("marking %v is news: %v, want %v", n, got, news)
			}
			if i >= 0 {
				m.entries[i].marked = true
			}
		case 5:
			if len(m.entries) == 0 {
				continue
			}
			want := m.next()
			if got := x.next(); got != want {
				t.Fatalf("%v is to go, want %v", got, want)
			}
			if random.IntN(2) == 0 {
				x.remove(want)
				m.remove(want)
			}
		}
		var names []Name
		var blocks int64
		for _, e := range m.entries {
			names = append(names, e.name)
			blocks += int64(e.blocks)
		}
		if got := x.names(); !slices.Equal(got, names) || x.blocks != blocks || x.entries != len(names) || x.has(n) != slices.Contains(names, n) {
			t.Fatalf("there are %v of %d blocks, want %v of %d", got, x.blocks, names, blocks)
		}
	}
}
