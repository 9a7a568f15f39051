package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var plenty = MostResumables{All: 100, Client: 100}

// openUntilEnd opens a store, which the test closes.
func openUntilEnd(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(context.Background(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// beginUpload begins an upload of so many bytes.
func beginUpload(t *testing.T, s *Store, r Resumable) Resumable {
	t.Helper()
	r, err := s.CreateResumable(r, plenty)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// hold holds an upload; whoever calls it lets it go.
func hold(t *testing.T, s *Store, id ID) *Held {
	t.Helper()
	h, err := s.HoldResumable(context.Background(), id, false)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// send appends bytes to an upload that count.
func send(t *testing.T, s *Store, id ID, data []byte) {
	t.Helper()
	h := hold(t, s, id)
	defer h.Release()
	if _, err := h.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := h.Mark(); err != nil {
		t.Fatal(err)
	}
}

// keep adds a complete upload, as often as it is asked to.
func keep(t *testing.T, s *Store, id ID) Original {
	t.Helper()
	h := hold(t, s, id)
	defer h.Release()
	sp, err := h.Spool()
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Discard()
	o, err := s.Add(context.Background(), sp, Original{ID: id, Format: "png", Name: h.Name}, Usage{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// wantOffset checks how far an upload is.
func wantOffset(t *testing.T, s *Store, id ID, want int64) {
	t.Helper()
	if r, err := s.Resumable(id); err != nil || r.Offset != want {
		t.Errorf("the upload is at %d, want %d: %v", r.Offset, want, err)
	}
}

// uploadFiles lists the folder of uploads.
func uploadFiles(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "uploads"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// end ends a store as a kill does: nothing is written that was not before. Its lock is let go.
func end(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestResumableGoesOnAfterARestart(t *testing.T) {
	dir, data := t.TempDir(), randomBytes(300_000)
	s := openUntilEnd(t, dir)
	r := beginUpload(t, s, Resumable{Name: "a.png", Note: "n", Tenant: "acme", Client: "c", Length: int64(len(data))})
	send(t, s, r.ID, data[:100_000])
	h := hold(t, s, r.ID)
	if _, err := h.Write(data[100_000:200_000]); err != nil {
		t.Fatal(err)
	}
	wantOffset(t, s, r.ID, 100_000) // what was not marked does not count
	end(t, s)

	s = openUntilEnd(t, dir)
	wantOffset(t, s, r.ID, 100_000)
	if got, _ := s.Resumable(r.ID); got.Name != "a.png" || got.Note != "n" || got.Tenant != "acme" || got.Client != "c" || got.Length != r.Length || got.Complete() {
		t.Errorf("after a restart it is %+v", got)
	}
	send(t, s, r.ID, data[100_000:])
	end(t, s)

	s = openUntilEnd(t, dir)
	defer s.Close()
	o := keep(t, s, r.ID)
	if o.ID != r.ID || o.Digest != sha256.Sum256(data) || o.Bytes != int64(len(data)) {
		t.Errorf("added was %+v", o)
	}
	mustHold(t, s, o, data)
	// As after a kill between the record and the end of the upload.
	if again := keep(t, s, r.ID); again != o {
		t.Errorf("added again it is %+v, not %+v", again, o)
	}
	h = hold(t, s, r.ID)
	h.Remove()
	h.Release()
	if files, spooled := uploadFiles(t, dir), spoolFiles(t, s); len(files)+len(spooled) != 0 {
		t.Errorf("left are %v and %v", files, spooled)
	}
	mustHold(t, s, o, data)
	if _, err := s.HoldResumable(context.Background(), r.ID, true); !errors.Is(err, ErrNotFound) {
		t.Errorf("what was removed: %v", err)
	}
}

func TestAnImageThatWasRemovedIsNotAddedAgain(t *testing.T) {
	s := openUntilEnd(t, t.TempDir())
	defer s.Close()
	r := beginUpload(t, s, Resumable{Length: 4})
	send(t, s, r.ID, []byte("four"))
	keep(t, s, r.ID)
	if err := s.Remove(context.Background(), r.ID); err != nil {
		t.Fatal(err)
	}
	h := hold(t, s, r.ID)
	defer h.Release()
	sp, err := h.Spool()
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Discard()
	if _, err := s.Add(context.Background(), sp, Original{ID: r.ID, Format: "png"}, Usage{}); !errors.Is(err, ErrGone) {
		t.Errorf("got %v", err)
	}
	other := newSpool(t, s)
	defer other.Discard()
	if _, err := other.Write([]byte("other")); err != nil {
		t.Fatal(err)
	}
	kept, err := addBytes(t, s, []byte("kept"), Original{Format: "png"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(context.Background(), other, Original{ID: kept.ID, Format: "png"}, Usage{}); err == nil || errors.Is(err, ErrGone) {
		t.Errorf("other bytes under an id that is taken: %v", err)
	}
}

func TestRollbackTakesAwayWhatDoesNotCount(t *testing.T) {
	dir := t.TempDir()
	s := openUntilEnd(t, dir)
	defer s.Close()
	r := beginUpload(t, s, Resumable{Length: 10})
	send(t, s, r.ID, []byte("abc"))
	h := hold(t, s, r.ID)
	if _, err := h.Write([]byte("wrong")); err != nil {
		t.Fatal(err)
	}
	if err := h.Rollback(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "uploads", r.ID.String())); err != nil || info.Size() != 3 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := h.Write([]byte("defghij")); err != nil || h.Len() != 10 {
		t.Fatal(err)
	}
	if _, err := h.Write([]byte("k")); err == nil {
		t.Error("more than its length is taken")
	}
	if err := h.Mark(); err != nil {
		t.Fatal(err)
	}
	h.Release()
	mustHold(t, s, keep(t, s, r.ID), []byte("abcdefghij"))
}

// Whatever a crash makes of the end of a journal, or of the bytes behind what it says, what was marked is there.
func TestJournalsSurviveWhatCrashesDo(t *testing.T) {
	data := randomBytes(5000)
	for what, harm := range map[string]func(t *testing.T, data, journal string){
		"nothing":                    func(*testing.T, string, string) {},
		"bytes that were not marked": func(t *testing.T, data, _ string) { appendTo(t, data, randomBytes(100)) },
		"zeros behind":               func(t *testing.T, data, _ string) { appendTo(t, data, make([]byte, 4096)) },
		"half a line":                func(t *testing.T, _, journal string) { appendTo(t, journal, []byte(`12345678 {"id":`)) },
		"zeros in the journal":       func(t *testing.T, _, journal string) { appendTo(t, journal, make([]byte, 512)) },
		"a line that was not synced": func(t *testing.T, _, journal string) {
			text, err := os.ReadFile(journal)
			if err != nil {
				t.Fatal(err)
			}
			lines := bytes.SplitAfter(text, []byte("\n"))
			r := readLine(bytes.TrimSpace(lines[len(lines)-2]))
			r.Offset += 1000
			line, err := r.line()
			if err != nil {
				t.Fatal(err)
			}
			appendTo(t, journal, line)
		},
		"half a new journal": func(t *testing.T, _, journal string) { appendTo(t, journal+".next", []byte("1234")) },
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			s := openUntilEnd(t, dir)
			r := beginUpload(t, s, Resumable{Length: int64(len(data))})
			send(t, s, r.ID, data[:1000])
			send(t, s, r.ID, data[1000:2000])
			end(t, s)
			path := filepath.Join(dir, "uploads", r.ID.String())
			harm(t, path, path+".upload")
			for _, offset := range []int{2000, 3000, 4000} {
				s = openUntilEnd(t, dir)
				wantOffset(t, s, r.ID, int64(offset))
				send(t, s, r.ID, data[offset:offset+1000])
				end(t, s)
			}
			s = openUntilEnd(t, dir)
			defer s.Close()
			mustHold(t, s, keep(t, s, r.ID), data)
			if files := uploadFiles(t, dir); len(files) != 2 {
				t.Errorf("there are %v", files)
			}
		})
	}
}

func appendTo(t *testing.T, path string, data []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLeavingsOfUploadsAreSwept(t *testing.T) {
	dir := t.TempDir()
	s := openUntilEnd(t, dir)
	r := beginUpload(t, s, Resumable{Length: 10})
	lost := beginUpload(t, s, Resumable{Length: 10})
	end(t, s)
	uploads := filepath.Join(dir, "uploads")
	if err := os.Remove(filepath.Join(uploads, lost.ID.String())); err != nil {
		t.Fatal(err)
	}
	appendTo(t, filepath.Join(uploads, "01a217ab-c3a3-7673-b03b-f4b56ed52bed"), []byte("bytes without a journal"))
	appendTo(t, filepath.Join(uploads, "01a217ab-c3a3-7673-b03b-f4b56ed52bee.upload"), []byte("no journal\n"))
	s = openUntilEnd(t, dir)
	defer s.Close()
	if files := uploadFiles(t, dir); !slices.Equal(files, []string{r.ID.String(), r.ID.String() + ".upload"}) {
		t.Errorf("left are %v", files)
	}
}

func TestUploadsExpire(t *testing.T) {
	dir := t.TempDir()
	s := openUntilEnd(t, dir)
	defer s.Close()
	r, busy := beginUpload(t, s, Resumable{Length: 10}), beginUpload(t, s, Resumable{Length: 10})
	h := hold(t, s, busy.ID)
	if n := s.resumables.sweep(r.Expires.Add(-time.Second)); n != 0 {
		t.Errorf("%d have expired early", n)
	}
	if n := s.resumables.sweep(r.Expires.Add(time.Second)); n != 1 {
		t.Errorf("%d have expired, want the one that nobody holds", n)
	}
	if state := s.State(); state.Resumables != 1 || state.ResumableBytes != 0 || state.Expired != 1 {
		t.Errorf("the state is %+v", state)
	}
	if _, err := s.Resumable(r.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("the one that has expired: %v", err)
	}
	if _, err := h.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if err := h.Mark(); err != nil {
		t.Error(err)
	}
	h.Release()
	if files := uploadFiles(t, dir); len(files) != 2 {
		t.Errorf("there are %v", files)
	}
}

func TestUploadsUnderWayAreBounded(t *testing.T) {
	s := openUntilEnd(t, t.TempDir())
	defer s.Close()
	most := MostResumables{All: 4, Client: 2}
	f := func(client string, want error) ID {
		t.Helper()
		r, err := s.CreateResumable(Resumable{Client: client, Length: 10}, most)
		if !errors.Is(err, want) {
			t.Errorf("of client %q: %v, want %v", client, err, want)
		}
		return r.ID
	}
	first := f("a", nil)
	f("a", nil)
	f("a", ErrManyResumables)
	f("", nil)
	f("", nil)
	f("", ErrManyResumables)
	h := hold(t, s, first)
	if err := h.Refuse("it is none"); err != nil {
		t.Fatal(err)
	}
	h.Release()
	f("a", nil) // what was refused does not count

	// Bytes that others have announced are not free.
	free, err := s.room.left()
	if err != nil {
		t.Fatal(err)
	}
	s.room.least = 1
	for range 3 {
		if _, err := s.CreateResumable(Resumable{Length: free / 3}, plenty); err != nil {
			if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			return
		}
	}
	if _, err := s.CreateResumable(Resumable{Length: free / 3}, plenty); !errors.Is(err, ErrFull) {
		t.Errorf("more than the disk has: %v", err)
	}
}

func TestAnUploadIsHeldByOne(t *testing.T) {
	s := openUntilEnd(t, t.TempDir())
	defer s.Close()
	r := beginUpload(t, s, Resumable{Length: 10})
	h := hold(t, s, r.ID)
	if _, err := s.HoldResumable(context.Background(), r.ID, false); !errors.Is(err, ErrHeld) {
		t.Errorf("a second one: %v", err)
	}
	impatient, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := s.HoldResumable(impatient, r.ID, true); !errors.Is(err, ErrHeld) {
		t.Errorf("one who waits: %v", err)
	}
	asked := make(chan struct{}, 10)
	h.OnInterrupt(func() { asked <- struct{}{} })
	<-asked // by the one who waited before
	go func() {
		<-asked
		h.Release()
	}()
	second, err := s.HoldResumable(context.Background(), r.ID, true)
	if err != nil {
		t.Fatal(err)
	}
	second.OnInterrupt(func() { t.Error("nobody waits") })
	second.Release()
}

func TestJoinMakesOneOfParts(t *testing.T) {
	dir, data := t.TempDir(), randomBytes(3000)
	s := openUntilEnd(t, dir)
	var parts []ID
	for i := range 3 {
		r := beginUpload(t, s, Resumable{Length: 1000, Part: true})
		send(t, s, r.ID, data[i*1000:i*1000+1000])
		parts = append(parts, r.ID)
	}
	join := func() *Join {
		t.Helper()
		j, err := s.JoinResumables(context.Background(), Resumable{Name: "whole.png"}, parts, 5000, plenty)
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	j := join()
	id := j.ID
	if !j.File.Complete() || j.File.Length != 3000 {
		t.Fatalf("made is %+v", j.File.Resumable)
	}
	j.Release()
	end(t, s) // before anything was made of it

	s = openUntilEnd(t, dir)
	j = join()
	if j.ID != id {
		t.Errorf("made again it is %s, not %s", j.ID, id)
	}
	j.Release()
	mustHold(t, s, keep(t, s, id), data)
	h := hold(t, s, id)
	h.Remove()
	h.Release()
	end(t, s) // before the parts have heard of it

	s = openUntilEnd(t, dir)
	defer s.Close()
	for range 2 {
		j = join()
		if j.ID != id || j.File != nil {
			t.Errorf("when it is kept it is %+v", j)
		}
		if err := j.Done(); err != nil {
			t.Fatal(err)
		}
		j.Release()
	}
	if files := uploadFiles(t, dir); len(files) != 3 || slices.ContainsFunc(files, func(name string) bool { return !strings.HasSuffix(name, ".upload") }) {
		t.Errorf("left are %v", files)
	}
	for _, part := range parts {
		wantOffset(t, s, part, 1000)
	}
}

func TestJoinGoesOnWhereACrashHasEndedIt(t *testing.T) {
	data := randomBytes(3000)
	for _, came := range []int{0, 1, 999, 1000, 1001, 2500, 2999} {
		dir := t.TempDir()
		s := openUntilEnd(t, dir)
		var parts []ID
		for i := range 3 {
			r := beginUpload(t, s, Resumable{Length: 1000, Part: true})
			send(t, s, r.ID, data[i*1000:i*1000+1000])
			parts = append(parts, r.ID)
		}
		// What a crash leaves.
		whole := beginUpload(t, s, Resumable{Length: 3000, Parts: parts})
		first := hold(t, s, parts[0])
		next := first.Resumable
		next.Whole, next.Parts = whole.ID, parts
		if err := first.change(next); err != nil {
			t.Fatal(err)
		}
		first.Release()
		if came > 0 {
			send(t, s, whole.ID, data[:came])
		}
		end(t, s)

		s = openUntilEnd(t, dir)
		j, err := s.JoinResumables(context.Background(), Resumable{}, parts, 5000, plenty)
		if err != nil {
			t.Fatal(err)
		}
		if j.ID != whole.ID {
			t.Errorf("made was another")
		}
		f, err := j.File.File()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, data) {
			t.Errorf("after %d bytes made are %d others: %v", came, len(got), err)
		}
		f.Close()
		j.Release()
		end(t, s)
	}
}

func TestJoinRefusesWhatIsNoPart(t *testing.T) {
	s := openUntilEnd(t, t.TempDir())
	defer s.Close()
	part := func(length int64, isPart bool) ID {
		r := beginUpload(t, s, Resumable{Length: length, Part: isPart})
		send(t, s, r.ID, []byte("ab"))
		return r.ID
	}
	good, incomplete, alone := part(2, true), part(3, true), part(2, false)
	for _, c := range []struct {
		what  string
		parts []ID
		most  int64
		want  error
	}{
		{"one that is not complete", []ID{good, incomplete}, 100, ErrNotParts},
		{"one that is none", []ID{good, alone}, 100, ErrNotParts},
		{"one twice", []ID{good, good}, 100, ErrNotParts},
		{"one that is not there", []ID{good, {}}, 100, ErrNotFound},
		{"too many bytes", []ID{good, part(2, true)}, 3, ErrTooLong},
		{"good ones", []ID{good, part(2, true)}, 4, nil},
	} {
		j, err := s.JoinResumables(context.Background(), Resumable{}, c.parts, c.most, plenty)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
		if err == nil {
			j.Release()
		}
	}
}

// A journal is begun anew before it is large, however many lines an upload has.
func TestJournalsStaySmall(t *testing.T) {
	dir := t.TempDir()
	s := openUntilEnd(t, dir)
	defer s.Close()
	r := beginUpload(t, s, Resumable{Length: 1000, Note: strings.Repeat("x", 4000)})
	for range 100 {
		send(t, s, r.ID, []byte("x"))
	}
	info, err := os.Stat(filepath.Join(dir, "uploads", r.ID.String()+".upload"))
	if err != nil || info.Size() > journalMost+8000 {
		t.Errorf("the journal has %d bytes, %v", info.Size(), err)
	}
	wantOffset(t, s, r.ID, 100)
}
