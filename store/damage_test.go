package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A watchedStore notes the damages that it is told of.
type watchedStore struct {
	*Store
	mutex   sync.Mutex
	damages []Damage
}

func openWatched(t *testing.T) *watchedStore {
	t.Helper()
	w := &watchedStore{}
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Damaged: func(d Damage) {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		w.damages = append(w.damages, d)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w.Store = s
	return w
}

// told returns the only damage that was told of since the last call.
func (w *watchedStore) told(t *testing.T) Damage {
	t.Helper()
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if len(w.damages) != 1 {
		t.Fatalf("told of %d damages, want 1: %v", len(w.damages), w.damages)
	}
	d := w.damages[0]
	w.damages = nil
	return d
}

func (w *watchedStore) mustAdd(t *testing.T, content []byte) Original {
	t.Helper()
	o, err := addBytes(t, w.Store, content, Original{Format: "png"})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// flip flips a bit of a blob's file.
func flip(t *testing.T, s *Store, d Digest, bit int) {
	t.Helper()
	path := s.blobs.(*disk).path(d)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[bit/8] ^= 1 << (bit % 8)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0); err != nil {
		t.Fatal(err)
	}
}

func mustBeDamaged(t *testing.T, s *Store, o Original) {
	t.Helper()
	if f, err := s.Open(t.Context(), o); !errors.Is(err, ErrDamaged) || errors.Is(err, ErrNotFound) || f != nil {
		t.Errorf("got %v, want ErrDamaged", err)
	}
}

func TestAFlippedBitIsFoundWhenItIsRead(t *testing.T) {
	s := openWatched(t)
	content := randomBytes(300_000) // more than one piece
	o, same := s.mustAdd(t, content), s.mustAdd(t, content)
	mustHold(t, s.Store, o, content)
	flip(t, s.Store, o.Digest, 8*290_000+3) // also what was found whole a moment ago
	for range 3 {
		mustBeDamaged(t, s.Store, o)
		mustBeDamaged(t, s.Store, same)
	}
	if d := s.told(t); d.Digest != o.Digest || !errors.Is(d.Err, ErrDamaged) || len(d.IDs) != 2 || d.IDs[0] != o.ID || d.IDs[1] != same.ID {
		t.Errorf("told %+v", d)
	}
	aside, err := os.ReadFile(filepath.Join(s.blobs.(*disk).root, "quarantine", o.Digest.String()))
	if err != nil || len(aside) != len(content) || bytes.Equal(aside, content) {
		t.Errorf("%d bytes are in quarantine, %v", len(aside), err)
	}

	// An upload of the same bytes makes all of them whole again.
	again := s.mustAdd(t, content)
	for _, o := range []Original{o, same, again} {
		mustHold(t, s.Store, o, content)
	}
	flip(t, s.Store, o.Digest, 0)
	mustBeDamaged(t, s.Store, o)
	if d := s.told(t); len(d.IDs) != 3 {
		t.Errorf("told %+v", d)
	}
	if n := s.State().Damaged; n != 2 {
		t.Errorf("%d damages were counted, want 2", n)
	}
}

func TestBytesThatAreMissing(t *testing.T) {
	s := openWatched(t)
	content := randomBytes(1000)
	short, gone, removed := s.mustAdd(t, content), s.mustAdd(t, randomBytes(10)), s.mustAdd(t, randomBytes(20))
	if err := os.Truncate(s.blobs.(*disk).path(short.Digest), 999); err != nil {
		t.Fatal(err)
	}
	mustBeDamaged(t, s.Store, short)
	s.told(t)
	if err := s.blobs.Delete(t.Context(), gone.Digest); err != nil {
		t.Fatal(err)
	}
	mustBeDamaged(t, s.Store, gone)
	mustBeDamaged(t, s.Store, gone)
	if d := s.told(t); len(d.IDs) != 1 || d.IDs[0] != gone.ID {
		t.Errorf("told %+v", d)
	}
	if err := s.Remove(t.Context(), removed.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), removed); !errors.Is(err, ErrGone) || errors.Is(err, ErrDamaged) {
		t.Errorf("removed meanwhile: got %v, want ErrGone", err)
	}
	s.mustAdd(t, content)
	mustHold(t, s.Store, short, content) // mended by the second upload
}

// The record is wrong, not the blob: it is left where it is.
func TestARecordOfAnotherLength(t *testing.T) {
	s := openWatched(t)
	o := s.mustAdd(t, randomBytes(1000))
	wrong := o
	wrong.Bytes++
	mustBeDamaged(t, s.Store, wrong)
	s.told(t)
	f, err := s.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestManyReadOneDamagedOriginalAtOnce(t *testing.T) {
	s := openWatched(t)
	o := s.mustAdd(t, randomBytes(1<<20))
	flip(t, s.Store, o.Digest, 77)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { mustBeDamaged(t, s.Store, o) })
	}
	wg.Wait()
	s.told(t)
}

// While readers find an original damaged, uploads of the same bytes mend it: nobody is given other bytes than those of the original, and in the end
// it is whole.
func TestMendedWhileItIsRead(t *testing.T) {
	s := openWatched(t)
	content := randomBytes(100_000)
	o := s.mustAdd(t, content)
	var wg sync.WaitGroup
	for range 10 {
		flip(t, s.Store, o.Digest, 5)
		for range 8 {
			wg.Go(func() {
				f, err := s.Open(t.Context(), o)
				if errors.Is(err, ErrDamaged) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				defer f.Close()
				got := make([]byte, len(content))
				if _, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, content) {
					t.Errorf("other bytes, %v", err)
				}
			})
		}
		s.mustAdd(t, content)
		wg.Wait()
		mustHold(t, s.Store, o, content)
	}
}

// ended is a context in which nothing is read any more: only what is believed without reading passes.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestWhatWasReadIsTrustedForAMinute(t *testing.T) {
	content := []byte("negative")
	d, f := completeFile(t, content)
	var v verifier
	if err := v.verify(ended(), d, f); !errors.Is(err, context.Canceled) {
		t.Errorf("before it was read: %v", err)
	}
	if err := v.verify(t.Context(), d, f); err != nil {
		t.Fatal(err)
	}
	if err := v.verify(ended(), d, f); err != nil {
		t.Errorf("after it was read: %v", err)
	}
	other, err := os.Open(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := v.verify(ended(), d, other); err != nil {
		t.Errorf("the same file, opened again: %v", err)
	}
	if _, copied := completeFile(t, content); v.verify(ended(), d, copied) == nil {
		t.Error("a copy is trusted")
	}
	if err := v.verify(ended(), sha256.Sum256([]byte("x")), f); err == nil {
		t.Error("the file is trusted to have another digest")
	}
	trusted := v.recent[d]
	v.recent[d] = trust{trusted.file, time.Now()}
	if err := v.verify(ended(), d, f); !errors.Is(err, context.Canceled) {
		t.Errorf("after a minute: %v", err)
	}
	v.recent[d] = trusted
	if _, err := f.WriteAt([]byte("N"), 0); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Second) // file systems count time in ticks
	if err := os.Chtimes(f.Name(), later, later); err != nil {
		t.Fatal(err)
	}
	if err := v.verify(t.Context(), d, f); !errors.Is(err, ErrDamaged) {
		t.Errorf("after a change: %v", err)
	}
}

func TestTrustTakesBoundedMemory(t *testing.T) {
	var v verifier
	for i := range 5 * mostTrusts {
		v.end(Digest{byte(i), byte(i >> 8), byte(i >> 16)}, &verification{done: make(chan struct{})})
	}
	if n := len(v.recent) + len(v.older); n > 2*mostTrusts || n < mostTrusts {
		t.Errorf("%d files are remembered", n)
	}
}

// One reads and gives up; those who waited for him read on.
func TestAReaderWhoLeavesFailsNobody(t *testing.T) {
	d, f := completeFile(t, randomBytes(1000))
	var v verifier
	file, err := identify(f)
	if err != nil {
		t.Fatal(err)
	}
	_, leaving := v.begin(d, file)
	outcome := make(chan error)
	go func() { outcome <- v.verify(t.Context(), d, f) }()
	time.Sleep(10 * time.Millisecond)
	leaving.err = context.Canceled
	v.end(d, leaving)
	if err := <-outcome; err != nil {
		t.Error(err)
	}
}

// Of a long file nobody may wait for the end. It is read all the same, once.
func TestALongFileIsReadThoughNobodyWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, longFile+1); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		t.Fatal(err)
	}
	d := Digest(hash.Sum(nil))
	var v verifier
	var readers sync.WaitGroup
	v.background = func(run func(context.Context)) { readers.Go(func() { run(context.Background()) }) }
	for range 3 {
		if err := v.verify(ended(), d, f); !errors.Is(err, ErrUnavailable) {
			t.Errorf("to one who does not wait: %v", err)
		}
	}
	f.Close() // which all have done who have given up
	readers.Wait()
	if f, err = os.Open(path); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := v.verify(ended(), d, f); err != nil {
		t.Errorf("when it was read: %v", err)
	}
	if v.long != 0 {
		t.Errorf("%d are being read", v.long)
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, trusted := range []bool{false, true} {
		name := map[bool]string{false: "read", true: "trusted"}[trusted]
		b.Run(name, func(b *testing.B) {
			s, err := Open(context.Background(), Options{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			sp, err := s.Spool()
			if err != nil {
				b.Fatal(err)
			}
			defer sp.Discard()
			if _, err := sp.Write(randomBytes(4 << 20)); err != nil {
				b.Fatal(err)
			}
			o, err := s.Add(context.Background(), sp, Original{}, Usage{})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(o.Bytes)
			for b.Loop() {
				if !trusted {
					s.verifier.recent = nil
				}
				f, err := s.Open(context.Background(), o)
				if err != nil {
					b.Fatal(err)
				}
				f.Close()
			}
		})
	}
}

// copiedBlobs keeps a copy of each blob that was opened, as those do that have the blobs elsewhere.
type copiedBlobs struct {
	*disk
	copies string
}

func (c copiedBlobs) copyOf(d Digest) string { return filepath.Join(c.copies, d.String()) }

func (c copiedBlobs) Open(ctx context.Context, d Digest) (*os.File, error) {
	if f, err := os.Open(c.copyOf(d)); err == nil {
		return f, nil
	}
	content, err := os.ReadFile(c.path(d))
	if err == nil {
		err = os.WriteFile(c.copyOf(d), content, 0o600)
	}
	if err != nil {
		return nil, err
	}
	return os.Open(c.copyOf(d))
}

func (c copiedBlobs) Forget(d Digest) { os.Remove(c.copyOf(d)) }

// A copy that rots is no damage: it is made anew. The blob itself is put aside if it is what has rotted.
func TestADamagedCopyIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "elsewhere")
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	disk, err := openDisk(root)
	if err != nil {
		t.Fatal(err)
	}
	blobs := copiedBlobs{disk, t.TempDir()}
	s, err := Open(t.Context(), Options{Dir: dir, Blobs: blobs})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	content := randomBytes(1000)
	o, err := addBytes(t, s, content, Original{})
	if err != nil {
		t.Fatal(err)
	}
	mustHold(t, s, o, content)
	spoilt := append([]byte("x"), content[1:]...)
	if err := os.WriteFile(blobs.copyOf(o.Digest), spoilt, 0o600); err != nil {
		t.Fatal(err)
	}
	mustHold(t, s, o, content)
	if n := s.State().Damaged; n != 0 {
		t.Errorf("%d damages were counted", n)
	}
	path := blobs.path(o.Digest)
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, spoilt, 0), os.Remove(blobs.copyOf(o.Digest))); err != nil {
		t.Fatal(err)
	}
	mustBeDamaged(t, s, o)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the blob is where it was: %v", err)
	}
	if n := s.State().Damaged; n != 1 {
		t.Errorf("%d damages were counted, want 1", n)
	}
}
