//go:build hostile

package test

import (
	"bytes"
	endian "encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A mutator changes files. Its state is that of one mutant.
type mutator struct {
	*rand.Rand
	data  []byte
	other []byte // another file of the format
	parts anatomy
}

// mutations returns n files that are made of those at paths by a few changes each. They depend on nothing but the contents
// of these, their order, seed and their own number. Files of over 300 KB and those of formats that are not read are left out.
func mutations(t testing.TB, paths []string, seed uint64, n int) []specimen {
	type original struct {
		name string
		data []byte
	}
	const largest = 300 << 10
	byFormat := map[string][]original{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if format := formatOf(data); format != "" && len(data) <= largest {
			byFormat[format] = append(byFormat[format], original{filepath.Base(path), data})
		}
	}
	var formats [][]original
	for _, format := range imageFormats {
		if len(byFormat[format]) > 0 {
			formats = append(formats, byFormat[format])
		}
	}
	if len(formats) == 0 {
		return nil
	}
	list := make([]specimen, n)
	for i := range list {
		// Each format has its turn, however many files there are of it.
		originals := formats[i%len(formats)]
		random := func() *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(i))) }
		first := originals[random().IntN(len(originals))]
		list[i] = specimen{name: fmt.Sprintf("mutant/%d-%d-%s", seed, i, first.name), build: func() []byte {
			r := random()
			r.IntN(len(originals)) // the choice above
			m := mutator{Rand: r, data: bytes.Clone(first.data), other: originals[r.IntN(len(originals))].data}
			for range 1 + m.IntN(3) {
				m.change()
			}
			// Most decoders stop at a wrong checksum, so that most of the changes would go unseen.
			if m.IntN(4) > 0 {
				mendChecksums(m.data)
			}
			return m.data
		}}
	}
	return list
}

// change makes one change.
func (m *mutator) change() {
	if len(m.data) == 0 {
		return
	}
	m.parts = dissect(m.data)
	changes := []func(){
		m.flipBits, m.flipBits, m.fillRun, m.truncate, m.splice,
		m.editLength, m.editLength, m.editSide, m.editSide, m.duplicateBlock, m.deleteBlock, m.swapBlocks,
	}
	changes[m.IntN(len(changes))]()
}

// place returns an offset in the file, mostly in the first kilobytes.
func (m *mutator) place() int {
	near := len(m.data)
	switch m.IntN(10) {
	case 0, 1, 2, 3:
		near = 256
	case 4, 5, 6:
		near = 4 << 10
	}
	return m.IntN(min(near, len(m.data)))
}

func (m *mutator) flipBits() {
	for range 1 << m.IntN(5) {
		m.data[m.place()] ^= 1 << m.IntN(8)
	}
}

func (m *mutator) fillRun() {
	start := m.place()
	end := min(start+1<<m.IntN(8), len(m.data))
	value := byte(-m.IntN(2))
	for i := start; i < end; i++ {
		m.data[i] = value
	}
}

func (m *mutator) truncate() { m.data = m.data[:m.place()] }

// splice goes on with another file of the format, at the same place or at the start of a block.
func (m *mutator) splice() {
	at := m.place()
	from := min(at, len(m.other))
	if blocks := dissect(m.other).blocks; len(blocks) > 0 && len(m.parts.blocks) > 0 && m.IntN(2) > 0 {
		at, from = m.block().start, blocks[m.IntN(len(blocks))].start
	}
	m.data = join(m.data[:at], m.other[from:])
}

func (m *mutator) editLength() { m.edit(m.parts.lengths) }
func (m *mutator) editSide()   { m.edit(m.parts.sides) }

// edit gives one of the numbers a value that is often not thought of.
func (m *mutator) edit(numbers []number) {
	if len(numbers) == 0 {
		m.flipBits()
		return
	}
	n := numbers[m.IntN(min(len(numbers), 64))]
	most := uint64(1)<<(8*n.size) - 1
	now := n.get(m.data)
	values := []uint64{
		0, 1, 2, most, most - 1, most / 2, most/2 + 1,
		now - 1, now + 1, 2 * now, now / 2, now + uint64(m.IntN(64)), now - uint64(m.IntN(64)),
		16_383, 16_384, 16_385, 65_535, 65_536, 7000, uint64(len(m.data)), m.Uint64(),
	}
	n.set(m.data, values[m.IntN(len(values))])
}

// block returns one of the blocks, mostly an early one. There must be one.
func (m *mutator) block() span {
	blocks := m.parts.blocks
	if m.IntN(2) > 0 {
		blocks = blocks[:min(len(blocks), 8)]
	}
	return blocks[m.IntN(len(blocks))]
}

func (m *mutator) duplicateBlock() {
	if len(m.parts.blocks) == 0 {
		return
	}
	b, to := m.block(), m.block().start
	const most = 1 << 20
	count := 1
	if m.IntN(4) == 0 {
		count = min(1000, most/max(1, b.end-b.start))
	}
	m.data = slices.Insert(m.data, to, repeat(m.data[b.start:b.end], max(1, count))...)
}

func (m *mutator) deleteBlock() {
	if len(m.parts.blocks) > 0 {
		b := m.block()
		m.data = slices.Delete(m.data, b.start, b.end)
	}
}

func (m *mutator) swapBlocks() {
	if len(m.parts.blocks) == 0 {
		return
	}
	a, b := m.block(), m.block()
	if a.start > b.start {
		a, b = b, a
	}
	if a.end <= b.start {
		m.data = join(m.data[:a.start], m.data[b.start:b.end], m.data[a.end:b.start], m.data[a.start:a.end], m.data[b.end:])
	}
}

// mendChecksums makes the checksums of a PNG right, as far as its chunks are whole.
func mendChecksums(data []byte) {
	if formatOf(data) != "png" {
		return
	}
	for _, b := range dissect(data).blocks {
		if sum := b.end - 4; sum >= b.start+8 {
			endian.BigEndian.PutUint32(data[sum:], crc32.ChecksumIEEE(data[b.start+4:sum]))
		}
	}
}

// Two runs are given the same mutants, and no two mutants are the same file throughout.
func TestMutationsAreRepeatable(t *testing.T) {
	const n = 300
	paths := corpusFiles(t, "good")
	if len(paths) == 0 {
		t.Skip("the corpus is not beside the checkout")
	}
	first, again, other := mutations(t, paths, 1, n), mutations(t, paths, 1, n), mutations(t, paths, 2, n)
	unlike, distinct := 0, map[string]bool{}
	for i := range n {
		data := first[i].build()
		if first[i].name != again[i].name || !bytes.Equal(data, again[i].build()) || !bytes.Equal(data, first[i].build()) {
			t.Fatalf("%s is not the same a second time", first[i].name)
		}
		if !bytes.Equal(data, other[i].build()) {
			unlike++
		}
		distinct[string(data)] = true
	}
	if unlike < n*9/10 || len(distinct) < n*9/10 {
		t.Errorf("%d mutants are different, %d with another seed", len(distinct), unlike)
	}
}
