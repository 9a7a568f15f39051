package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// filled returns a store of n originals in the folder dir, every fifth of which has the bytes of the one before, and what is in them.
func filled(t *testing.T, dir string, n int) (*Store, map[Original][]byte) {
	t.Helper()
	s := openTestStore(t, dir)
	contents := map[Original][]byte{}
	var records []Record
	var puts errgroup.Group
	puts.SetLimit(16)
	for i := range n {
		content := randomBytes(1000 + i)
		if i%5 == 4 {
			content = contents[records[i-1].Original]
		}
		d, f := completeFileIn(t, s.spool, content)
		puts.Go(func() error { return s.blobs.Put(t.Context(), d, f) })
		o := testOriginal(t, "png")
		o.Digest, o.Bytes, o.Width, o.Name = d, int64(len(content)), i, hostileNames[i%len(hostileNames)]
		contents[o] = content
		records = append(records, Record{Original: o})
	}
	if err := puts.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := s.index.Merge(t.Context(), records...); err != nil {
		t.Fatal(err)
	}
	return s, contents
}

// completeFileIn returns an open file of the content in a folder.
func completeFileIn(t *testing.T, folder string, content []byte) (Digest, *os.File) {
	t.Helper()
	f, err := os.CreateTemp(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(content), f
}

func mustCopy(t *testing.T, from, to *Store, o CopyOptions) CopyResult {
	t.Helper()
	result, err := Copy(t.Context(), from, to, o)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// mustBeWhole checks that no record of s lacks its blob or has one that was altered.
func mustBeWhole(t *testing.T, s *Store) (originals int) {
	t.Helper()
	for _, id := range allPages(t, s.index, Query{Limit: 100}) {
		o, err := s.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		f, err := s.blobs.Open(t.Context(), o.Digest)
		if err != nil {
			t.Errorf("original %s has no bytes: %v", id, err)
			continue
		}
		f.Close()
		if d := digestOf(t, f.Name()); d != o.Digest {
			t.Errorf("original %s has other bytes", id)
		}
		originals++
	}
	return originals
}

func digestOf(t *testing.T, path string) Digest {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(content)
}

func TestACopyHasEverything(t *testing.T) {
	t.Parallel()
	from, contents := filled(t, t.TempDir(), 150)
	var removed []ID
	for o := range contents {
		if len(removed) < 20 {
			removed = append(removed, o.ID)
			delete(contents, o)
			if err := from.Remove(t.Context(), o.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	to := openTestStore(t, t.TempDir())
	var said []CopyResult
	first := mustCopy(t, from, to, CopyOptions{Progress: func(r CopyResult) { said = append(said, r) }})
	if first.Total != 150 || first.Done != 150 || first.Copied != 130 || first.There+first.Mended+first.Removed+first.Refused+len(first.Damaged) > 0 {
		t.Errorf("first copy: %+v", first)
	}
	if last := said[len(said)-1]; last.Done != 150 || last.Bytes != first.Bytes || len(said) < 4 {
		t.Errorf("of the first copy was told %+v last, after %d others", last, len(said)-1)
	}
	for o, content := range contents {
		mustHold(t, to, o, content)
	}
	for _, id := range removed {
		if _, err := to.Get(t.Context(), id); !errors.Is(err, ErrGone) {
			t.Errorf("removed original %s: %v", id, err)
		}
	}
	if got, want := blobFiles(t, to), blobFiles(t, from); !slices.Equal(got, want) {
		t.Errorf("%d blobs, want %d", len(got), len(want))
	}
	if files := spoolFiles(t, to); len(files) > 0 {
		t.Errorf("spool files left: %v", files)
	}
	second := mustCopy(t, from, to, CopyOptions{Verify: true})
	if second.There != 130 || second.Copied != 0 || second.Bytes != 0 || second.Done != 150 {
		t.Errorf("second copy: %+v", second)
	}
}

// Equal uploads are copied once, however far apart they are.
func TestEqualBytesAreCopiedOnce(t *testing.T) {
	t.Parallel()
	from, to := openTestStore(t, t.TempDir()), openTestStore(t, t.TempDir())
	for range 2 * copyBatch {
		if _, err := addBytes(t, from, []byte("negative"), Original{}); err != nil {
			t.Fatal(err)
		}
	}
	if r := mustCopy(t, from, to, CopyOptions{}); r.Copied != 2*copyBatch || r.Bytes != 8 {
		t.Errorf("%+v", r)
	}
}

// A copy that is stopped leaves nothing half, and the next one goes on.
func TestACopyGoesOnWhereItWasStopped(t *testing.T) {
	t.Parallel()
	const n = 200
	from, contents := filled(t, t.TempDir(), n)
	to := openTestStore(t, t.TempDir())
	var bytes int64
	copied, stops := 0, 0
	for {
		ctx, stop := context.WithCancel(t.Context())
		r, err := Copy(ctx, from, to, CopyOptions{Progress: func(r CopyResult) {
			if r.Copied > 60 {
				stop()
			}
		}})
		stop()
		there := mustBeWhole(t, to)
		if bytes += r.Bytes; err == nil {
			if there != n {
				t.Errorf("%d originals in the copy", there)
			}
			break
		}
		if stops++; !errors.Is(err, context.Canceled) || there <= copied || stops > n {
			t.Fatalf("stopped after %d originals, before after %d: %v", there, copied, err)
		}
		copied = there
	}
	if stops < 2 {
		t.Errorf("stopped %d times", stops)
	}
	for o, content := range contents {
		mustHold(t, to, o, content)
	}
}

func TestACopyCarriesRemovals(t *testing.T) {
	t.Parallel()
	from, contents := filled(t, t.TempDir(), 100)
	to := openTestStore(t, t.TempDir())
	mustCopy(t, from, to, CopyOptions{})
	removed := 0
	for o := range contents {
		if o.Width%5 > 2 { // two of equal bytes, and what leaves the other
			continue
		}
		removed++
		if err := from.Remove(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
	}
	if r := mustCopy(t, from, to, CopyOptions{}); r.Removed != removed || r.There != 100-removed {
		t.Errorf("%d were removed: %+v", removed, r)
	}
	for o, content := range contents {
		if o.Width%5 > 2 {
			mustHold(t, to, o, content)
		} else if _, err := to.Get(t.Context(), o.ID); !errors.Is(err, ErrGone) {
			t.Errorf("removed original %s: %v", o.ID, err)
		}
	}
	if got, want := blobFiles(t, to), blobFiles(t, from); !slices.Equal(got, want) {
		t.Errorf("%d blobs, want %d", len(got), len(want))
	}
}

// What was removed in the target does not come back, and others that it has stay.
func TestACopyIntoAStoreThatIsUsed(t *testing.T) {
	t.Parallel()
	from, contents := filled(t, t.TempDir(), 30)
	to := openTestStore(t, t.TempDir())
	mustCopy(t, from, to, CopyOptions{})
	if id, found, err := Beyond(t.Context(), from, to); found || err != nil {
		t.Errorf("the copy has %s beyond: %v", id, err)
	}
	other, err := addBytes(t, to, []byte("another"), Original{Format: "gif"})
	if err != nil {
		t.Fatal(err)
	}
	if id, found, err := Beyond(t.Context(), from, to); id != other.ID || !found || err != nil {
		t.Errorf("the copy has %s beyond, %t, %v; want %s", id, found, err, other.ID)
	}
	for o := range contents {
		if err := to.Remove(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
		if r := mustCopy(t, from, to, CopyOptions{}); r.Refused != 1 || r.There != 29 || r.Copied > 0 {
			t.Errorf("%+v", r)
		}
		if _, err := to.Get(t.Context(), o.ID); !errors.Is(err, ErrGone) {
			t.Errorf("removed original %s: %v", o.ID, err)
		}
		break
	}
	mustHold(t, to, other, []byte("another"))
}

// What is damaged in the source is named, and all else is copied.
func TestACopyOfADamagedStore(t *testing.T) {
	t.Parallel()
	from, contents := filled(t, t.TempDir(), 40)
	var missing, short, flipped Original
	for o := range contents {
		switch o.Width {
		case 10:
			missing = o
		case 11:
			short = o
		case 12:
			flipped = o
		}
	}
	if err := from.blobs.Delete(t.Context(), missing.Digest); err != nil {
		t.Fatal(err)
	}
	damage(t, from, short, func(content []byte) []byte { return content[1:] })
	damage(t, from, flipped, flipBit)
	to := openTestStore(t, t.TempDir())
	r := mustCopy(t, from, to, CopyOptions{})
	if r.Copied != 37 || len(r.Damaged) != 3 || r.Done != 40 {
		t.Errorf("%+v", r)
	}
	for _, o := range []Original{missing, short, flipped} {
		if !slices.ContainsFunc(r.Damaged, func(err error) bool {
			return errors.Is(err, ErrDamaged) && strings.Contains(err.Error(), o.ID.String())
		}) {
			t.Errorf("no word of %s in %v", o.ID, r.Damaged)
		}
		if _, err := to.Get(t.Context(), o.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("the copy has %s, %v", o.ID, err)
		}
	}
	if n := mustBeWhole(t, to); n != 37 {
		t.Errorf("%d originals in the copy", n)
	}
}

// What the target has lost comes back with the next copy; what has rotted there, if it is looked at.
func TestACopyMendsItsTarget(t *testing.T) {
	t.Parallel()
	from, contents := filled(t, t.TempDir(), 40)
	to := openTestStore(t, t.TempDir())
	mustCopy(t, from, to, CopyOptions{})
	for o := range contents {
		switch o.Width {
		case 10:
			if err := to.blobs.Delete(t.Context(), o.Digest); err != nil {
				t.Fatal(err)
			}
		case 11:
			damage(t, to, o, func(content []byte) []byte { return content[1:] })
		case 12:
			damage(t, to, o, flipBit)
		}
	}
	if r := mustCopy(t, from, to, CopyOptions{}); r.Mended != 2 || r.There != 38 {
		t.Errorf("%+v", r)
	}
	if r := mustCopy(t, from, to, CopyOptions{Verify: true}); r.Mended != 1 || r.There != 39 {
		t.Errorf("with a look at the bytes: %+v", r)
	}
	for o, content := range contents {
		mustHold(t, to, o, content)
	}
}

// damage changes the bytes of an original behind the store's back.
func damage(t *testing.T, s *Store, o Original, change func([]byte) []byte) {
	t.Helper()
	path := s.blobs.(*disk).path(o.Digest)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(content), 0o400); err != nil {
		t.Fatal(err)
	}
}

func flipBit(content []byte) []byte {
	content[len(content)/2] ^= 1
	return content
}

// What is removed from the source while it is copied is removed in the copy, and is no damage.
func TestACopyOfWhatIsRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	from, _ := filled(t, t.TempDir(), 200)
	to := openTestStore(t, t.TempDir())
	ids := allPages(t, from.index, Query{Limit: 1000}) // newest first: the copy has them still before it
	removed := map[ID]bool{}
	r := mustCopy(t, from, to, CopyOptions{Parallel: 2, Progress: func(r CopyResult) {
		if id := ids[len(removed)]; len(removed) < 80 && r.Done < 130 {
			removed[id] = true
			if err := from.Remove(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
	}})
	if len(r.Damaged) > 0 || len(removed) < 50 {
		t.Errorf("%d were removed: %+v", len(removed), r)
	}
	for id := range removed {
		if _, err := to.Get(t.Context(), id); !errors.Is(err, ErrGone) {
			if err == nil {
				continue // it was copied just before
			}
			t.Errorf("removed original %s: %v", id, err)
		}
	}
	mustCopy(t, from, to, CopyOptions{})
	if n := mustBeWhole(t, to); n != 200-len(removed) {
		t.Errorf("%d originals in the copy, %d were removed", n, len(removed))
	}
}

// Everything that was acknowledged before a backup began is in it, while others upload and remove.
func TestABackupUnderLoad(t *testing.T) {
	t.Parallel()
	from, contents := filled(t, t.TempDir(), 300)
	to := openTestStore(t, t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	var uploading sync.WaitGroup
	var mu sync.Mutex
	late := map[Original][]byte{}
	for range 4 {
		uploading.Go(func() {
			for tick := time.Tick(20 * time.Millisecond); ctx.Err() == nil; <-tick {
				content := randomBytes(20_000)
				o, err := addBytes(t, from, content, Original{Format: "jpeg"})
				if err != nil {
					t.Error(err)
					return
				}
				gone, err := addBytes(t, from, content[:100], Original{})
				if err == nil {
					err = from.Remove(t.Context(), gone.ID)
				}
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				late[o] = content
				mu.Unlock()
			}
		})
	}
	for range 3 {
		mu.Lock()
		for o, content := range late {
			contents[o] = content
		}
		mu.Unlock()
		if r := mustCopy(t, from, to, CopyOptions{}); len(r.Damaged) > 0 {
			t.Errorf("damaged: %v", r.Damaged)
		}
		for o, content := range contents {
			mustHold(t, to, o, content)
		}
		mustBeWhole(t, to)
	}
	stop()
	uploading.Wait()
	if len(contents) <= 300 {
		t.Error("nothing was uploaded meanwhile")
	}
}

// Two copies into one store at once come to the same as one.
func TestTwoCopiesAtOnce(t *testing.T) {
	t.Parallel()
	from, contents := filled(t, t.TempDir(), 200)
	dir := t.TempDir()
	to := openTestStore(t, dir)
	beside, err := Open(t.Context(), Options{Dir: dir, Beside: true})
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	var both sync.WaitGroup
	for _, s := range []*Store{to, beside} {
		both.Go(func() {
			if _, err := Copy(t.Context(), from, s, CopyOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	for o, content := range contents {
		mustHold(t, to, o, content)
	}
}

const copyFolders = "CALOTYPE_STORE_COPY_FOLDERS"

// A copy that is killed again and again leaves no record without its blob, and comes to its end.
func TestACopyThatIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills processes for some seconds")
	}
	t.Parallel()
	source, target := t.TempDir(), t.TempDir()
	_, contents := filled(t, source, 400)
	for _, enough := range []int{1, 2, 3} {
		untilKilled(t, "TestCopyForAKill", copyFolders+"="+source+":"+target, enough, func(line string) (known, counts bool) {
			return strings.HasPrefix(line, "done "), true
		})
		to := openAndCheck(t, target)
		if n := mustBeWhole(t, to); n == 0 || n == 400 {
			t.Errorf("%d originals in the copy after a kill", n)
		}
		if err := to.Close(); err != nil {
			t.Error(err)
		}
	}
	from, to := openAndCheck(t, source), openTestStore(t, target)
	defer from.Close()
	if r := mustCopy(t, from, to, CopyOptions{}); r.There == 0 || r.There+r.Copied != 400 {
		t.Errorf("the last copy: %+v", r)
	}
	for o, content := range contents {
		mustHold(t, to, o, content)
	}
}

func openAndCheck(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Dir: dir, Beside: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestCopyForAKill is the child's part of TestACopyThatIsKilled.
func TestCopyForAKill(t *testing.T) {
	source, target, found := strings.Cut(os.Getenv(copyFolders), ":")
	if !found {
		t.Skip("is run by TestACopyThatIsKilled")
	}
	from, to := openAndCheck(t, source), openTestStore(t, target)
	done := 0
	mustCopy(t, from, to, CopyOptions{Progress: func(r CopyResult) {
		if r.Done > done {
			done = r.Done
			fmt.Println("done", done)
			time.Sleep(20 * time.Millisecond)
		}
	}})
}

// A database that does not answer for a while does not end a copy, and nothing is counted twice.
func TestACopyIsPatient(t *testing.T) {
	t.Parallel()
	from, contents := filled(t, t.TempDir(), 100)
	to := openTestStore(t, t.TempDir())
	good := to.index
	to.index = &absentIndex{Index: good, calls: map[string]int{}}
	from.index = &absentIndex{Index: from.index, calls: map[string]int{}}
	if r := mustCopy(t, from, to, CopyOptions{}); r.Copied != 100 || r.Done != 100 {
		t.Errorf("%+v", r)
	}
	to.index = good
	for o, content := range contents {
		mustHold(t, to, o, content)
	}
}

// absentIndex does not answer the first call of each method.
type absentIndex struct {
	Index
	mu    sync.Mutex
	calls map[string]int
}

func (x *absentIndex) absent(method string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.calls[method]++; x.calls[method] == 1 {
		return fmt.Errorf("%s: %w", method, ErrUnavailable)
	}
	return nil
}

func (x *absentIndex) Walk(ctx context.Context, after ID, limit int) ([]Record, error) {
	if err := x.absent("walk"); err != nil {
		return nil, err
	}
	return x.Index.Walk(ctx, after, limit)
}

func (x *absentIndex) Hold(ctx context.Context, d Digest, alone bool) (func(), error) {
	if err := x.absent("hold"); err != nil {
		return nil, err
	}
	return x.Index.Hold(ctx, d, alone)
}

func (x *absentIndex) Merge(ctx context.Context, records ...Record) error {
	if err := x.absent("merge"); err != nil {
		return err
	}
	return x.Index.Merge(ctx, records...)
}

// A target that is full is told of, and takes the rest when there is room.
func TestACopyIntoAFullDisk(t *testing.T) {
	t.Parallel()
	from, contents := filled(t, t.TempDir(), 100)
	to := openTestStore(t, t.TempDir())
	good := to.blobs
	to.blobs = &fullBlobs{Blobs: good, room: 30}
	r, err := Copy(t.Context(), from, to, CopyOptions{})
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "original ") {
		t.Errorf("%+v, %v", r, err)
	}
	to.blobs = good
	if n := mustBeWhole(t, to); n >= 100 {
		t.Errorf("%d originals in the copy", n)
	}
	mustCopy(t, from, to, CopyOptions{})
	for o, content := range contents {
		mustHold(t, to, o, content)
	}
}

// fullBlobs have room for so many blobs.
type fullBlobs struct {
	Blobs
	mu   sync.Mutex
	room int
}

func (b *fullBlobs) Put(ctx context.Context, d Digest, f *os.File) error {
	b.mu.Lock()
	b.room--
	full := b.room < 0
	b.mu.Unlock()
	if full {
		return &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
	}
	return b.Blobs.Put(ctx, d, f)
}

func TestTheDigestBefore(t *testing.T) {
	for _, d := range []Digest{{31: 1}, {0: 1}, {5: 7, 31: 0}, Digest(bytes.Repeat([]byte{0xff}, 32))} {
		b := before(d)
		if bytes.Compare(b[:], d[:]) >= 0 {
			t.Errorf("%s is not before %s", b, d)
		}
		for i := len(b) - 1; ; i-- { // one more is d
			if b[i]++; b[i] != 0 {
				break
			}
		}
		if b != d {
			t.Errorf("%s follows, not %s", b, d)
		}
	}
}

// A backup is a folder for its owner alone, as a data folder is.
func TestModesOfACopy(t *testing.T) {
	t.Parallel()
	from, _ := filled(t, t.TempDir(), 3)
	dir := filepath.Join(t.TempDir(), "backup")
	mustCopy(t, from, openTestStore(t, dir), CopyOptions{})
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
