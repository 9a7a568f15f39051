package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// What is known of an upload stands in its journal. Each line is all of it: eight hexadecimal digits of a CRC-32 and, behind a blank, JSON. The
// last line that is whole counts, so that whatever a crash makes of the end, what was synced before still holds.
const (
	journalEnding = ".upload"
	journalMost   = 64 << 10 // bytes after which it is begun anew
)

// line is r as a line of its journal.
func (r *Resumable) line() ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(text), text), nil
}

// readLine reads what line has written; else it is nil.
func readLine(line []byte) *Resumable {
	sum, text, found := bytes.Cut(line, []byte(" "))
	if !found || string(sum) != fmt.Sprintf("%08x", crc32.ChecksumIEEE(text)) {
		return nil
	}
	r := &Resumable{}
	if json.Unmarshal(text, r) != nil {
		return nil
	}
	return r
}

// note makes what is known of an upload durable, and then known to others.
func (x *resumables) note(u *resumable, r *Resumable) error {
	err := x.append(u, r)
	if err != nil {
		u.torn = true
		return err
	}
	x.mutex.Lock()
	defer x.mutex.Unlock()
	u.Resumable = *r
	return nil
}

func (x *resumables) append(u *resumable, r *Resumable) error {
	if u.torn {
		return x.rewrite(u, r)
	}
	line, err := r.line()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(x.journal(r.ID), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return err
	} else if info.Size() > journalMost {
		return x.rewrite(u, r)
	}
	if _, err := f.Write(line); err != nil {
		return err
	}
	return f.Sync()
}

func (x *resumables) rewrite(u *resumable, r *Resumable) error {
	if err := x.writeJournal(r); err != nil {
		return err
	}
	u.torn = false
	return nil
}

// writeJournal makes the journal of an upload with one line, in place of the one that may be there, and makes it and what else is in the folder durable.
func (x *resumables) writeJournal(r *Resumable) error {
	line, err := r.line()
	if err != nil {
		return err
	}
	path := x.journal(r.ID)
	next := path + ".next"
	// A second sync could succeed without having written anything, so that a file is never written again.
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(line)
	if err == nil {
		err = f.Sync()
	}
	f.Close() // what is synced is on the disk, whatever this says
	if err != nil {
		return err
	}
	folder, err := os.Open(x.folder) // before it is changed: see disk.Put
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := os.Rename(next, path); err != nil {
		return err
	}
	return folder.Sync()
}

// read returns the upload of a journal, or nil if it cannot go on.
func (x *resumables) read(name string) (*resumable, error) {
	text, err := os.ReadFile(filepath.Join(x.folder, name))
	if err != nil {
		return nil, err
	}
	size := int64(-1)
	if info, err := os.Stat(filepath.Join(x.folder, strings.TrimSuffix(name, journalEnding))); err == nil {
		size = info.Size()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var u *resumable
	torn := false
	for line := range bytes.Lines(text) {
		r := readLine(bytes.TrimSuffix(line, []byte("\n")))
		torn = r == nil || !bytes.HasSuffix(line, []byte("\n"))
		// A line of more bytes than there are is one of which it was never said that it holds: to write or sync it has failed.
		if r != nil && r.ID.String()+journalEnding == name && (!r.hasBytes() || r.Offset <= size) {
			u = &resumable{Resumable: *r}
		} else {
			torn = true
		}
	}
	if u != nil {
		u.torn = torn
	}
	return u, nil
}
