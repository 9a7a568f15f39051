package disk

// entryMemory is what an entry takes of the memory at most, in bytes: a slot of 32 in a slice that grows by a quarter, and 4 to 8 for
// finding it. TestMemoryOfAMillionEntries holds it to that.
const entryMemory = 48

// An index knows which entries there are and which is to go next, by SIEVE (Zhang et al., NSDI 2024): entries stand in the order in
// which they came, a hit marks its entry, and a hand that goes from old to new takes marks away and takes out the first entry
// that has none. Entries that are asked for once therefore leave before those that are asked for again.
//
// It is a hash table of its own, with the order in its slots, for there may be a million entries: a map takes twice the memory. It
// has no pointers in it, so that the garbage collector has nothing to follow.
type index struct {
	slots   []slot            // the first stands for none
	heads   []uint32          // the first slot of each bucket; their number is a power of two, and at least that of the entries
	further map[Name][]uint64 // of the few entries that have more groups than one

	oldest, newest, hand uint32
	unused               uint32 // the first of a list of slots, by next
	entries              int
	blocks               int64
}

type slot struct {
	name         Name
	next         uint32 // in the bucket
	older, newer uint32
	state        uint32 // blocks, and marked
}

const marked = 1 << 31

func (s slot) blocks() int64 { return int64(s.state &^ marked) }

func newIndex() index {
	return index{slots: make([]slot, 1), heads: make([]uint32, 1), further: map[Name][]uint64{}}
}

// head returns the bucket that a name belongs to.
func (x *index) head(n Name) *uint32 {
	return &x.heads[(n.group^n.text)&uint64(len(x.heads)-1)]
}

// find returns the slot of a name, or 0.
func (x *index) find(n Name) uint32 {
	i := *x.head(n)
	for i != 0 && x.slots[i].name != n {
		i = x.slots[i].next
	}
	return i
}

func (x *index) has(n Name) bool { return x.find(n) != 0 }

// grow doubles the number of buckets.
func (x *index) grow() {
	x.heads = make([]uint32, 2*len(x.heads))
	for i := x.oldest; i != 0; i = x.slots[i].newer {
		head := x.head(x.slots[i].name)
		x.slots[i].next, *head = *head, i
	}
}

// add puts an entry in front of all others, or changes what is known of it.
func (x *index) add(n Name, further []uint64, blocks uint32) {
	x.remove(n)
	if x.entries == len(x.heads) {
		x.grow()
	}
	i := x.unused
	if i != 0 {
		x.unused = x.slots[i].next
	} else {
		i = uint32(len(x.slots))
		x.slots = append(x.slots, slot{})
	}
	head := x.head(n)
	x.slots[i] = slot{name: n, next: *head, older: x.newest, state: blocks}
	*head = i
	if x.newest != 0 {
		x.slots[x.newest].newer = i
	} else {
		x.oldest = i
	}
	x.newest = i
	x.entries++
	if len(further) > 0 {
		x.further[n] = further
	}
	x.blocks += int64(blocks)
}

// remove takes an entry out, if it is there.
func (x *index) remove(n Name) {
	i := x.find(n)
	if i == 0 {
		return
	}
	s := x.slots[i]
	at := x.head(n)
	for *at != i {
		at = &x.slots[*at].next
	}
	*at = s.next
	if s.older != 0 {
		x.slots[s.older].newer = s.newer
	} else {
		x.oldest = s.newer
	}
	if s.newer != 0 {
		x.slots[s.newer].older = s.older
	} else {
		x.newest = s.older
	}
	if x.hand == i {
		x.hand = s.newer
	}
	x.slots[i] = slot{next: x.unused}
	x.unused = i
	x.entries--
	delete(x.further, n)
	x.blocks -= s.blocks()
}

// mark notes that an entry was used, and tells whether that is news.
func (x *index) mark(n Name) bool {
	i := x.find(n)
	if i == 0 || x.slots[i].state&marked != 0 {
		return false
	}
	x.slots[i].state |= marked
	return true
}

// next returns the entry that is to go. There must be one.
func (x *index) next() Name {
	if x.hand == 0 {
		x.hand = x.oldest
	}
	for x.slots[x.hand].state&marked != 0 {
		x.slots[x.hand].state &^= marked
		x.hand = x.slots[x.hand].newer
		if x.hand == 0 {
			x.hand = x.oldest
		}
	}
	return x.slots[x.hand].name
}

// ofGroup returns the entries that have the group.
func (x *index) ofGroup(group uint64) (names []Name) {
	for i := x.oldest; i != 0; i = x.slots[i].newer {
		if x.slots[i].name.group == group {
			names = append(names, x.slots[i].name)
		}
	}
	for n, further := range x.further {
		for _, g := range further {
			if g == group && n.group != group {
				names = append(names, n)
				break
			}
		}
	}
	return names
}

// names returns all entries.
func (x *index) names() []Name {
	names := make([]Name, 0, x.entries)
	for i := x.oldest; i != 0; i = x.slots[i].newer {
		names = append(names, x.slots[i].name)
	}
	return names
}
