package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A slowDatabase writes when it is told to.
type slowDatabase struct {
	begun   chan int      // how many records each transaction has
	proceed chan struct{} // lets one transaction end
	err     error
}

func (d *slowDatabase) write(batch []entry) ([]bool, error) {
	d.begun <- len(batch)
	<-d.proceed
	added := make([]bool, len(batch))
	for i, e := range batch {
		added[i] = e.Width != 0
	}
	return added, d.err
}

func startSlow(t *testing.T, err error) (*slowDatabase, *recorder) {
	d := &slowDatabase{make(chan int), make(chan struct{}), err}
	r := startRecorder(d.write)
	t.Cleanup(r.close)
	return d, r
}

// addLater adds records from as many goroutines and returns when all of them wait. The outcomes come in any order.
func addLater(ctx context.Context, r *recorder, records ...Original) <-chan error {
	outcomes := make(chan error, len(records))
	for _, o := range records {
		go func() { outcomes <- r.add(ctx, entry{Original: o}) }()
	}
	time.Sleep(50 * time.Millisecond) // one who comes later only is in a later transaction
	return outcomes
}

func TestThoseWhoComeDuringATransactionShareTheNext(t *testing.T) {
	d, r := startSlow(t, nil)
	first := addLater(t.Context(), r, Original{Width: 1})
	if n := <-d.begun; n != 1 {
		t.Errorf("the first transaction has %d records", n)
	}
	records := make([]Original, maxBatch+10)
	for i := range records {
		records[i].Width = i % 2 // the others were there before
	}
	rest := addLater(t.Context(), r, records...)
	d.proceed <- struct{}{}
	if err := <-first; err != nil {
		t.Error(err)
	}
	sizes, transactions := 0, 0
	for ; sizes < len(records); transactions++ {
		n := <-d.begun
		if n > maxBatch {
			t.Errorf("a transaction of %d records", n)
		}
		sizes += n
		d.proceed <- struct{}{}
	}
	if transactions > len(records)/4 { // two, but on a machine that has no time for those who come
		t.Errorf("%d transactions for %d records", transactions, len(records))
	}
	known := 0
	for range records {
		if err := <-rest; errors.Is(err, fs.ErrExist) {
			known++
		} else if err != nil {
			t.Error(err)
		}
	}
	if known != len(records)/2 {
		t.Errorf("%d records were known before, want %d", known, len(records)/2)
	}
}

func TestAFailedTransactionFailsAllOfItsRecords(t *testing.T) {
	broken := errors.New("broken")
	d, r := startSlow(t, broken)
	outcomes := addLater(t.Context(), r, Original{Width: 1})
	<-d.begun
	more := addLater(t.Context(), r, make([]Original, 5)...)
	d.proceed <- struct{}{}
	if err := <-outcomes; err != broken {
		t.Errorf("got %v", err)
	}
	for left := 5; left > 0; {
		left -= <-d.begun
		d.proceed <- struct{}{}
	}
	for range 5 {
		if err := <-more; err != broken {
			t.Errorf("got %v", err)
		}
	}
}

func TestOneWhoLeavesBeforeHisTurnIsNotRecorded(t *testing.T) {
	d, r := startSlow(t, nil)
	outcome := addLater(t.Context(), r, Original{Width: 1})
	<-d.begun
	ctx, leave := context.WithCancel(t.Context())
	waiting := addLater(ctx, r, Original{Width: 1})
	leave()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	d.proceed <- struct{}{}
	if err := <-outcome; err != nil {
		t.Error(err)
	}
	select {
	case n := <-d.begun:
		t.Errorf("a transaction of %d records", n)
	case <-time.After(50 * time.Millisecond):
	}
}

// lockIndex has another process's transaction hold the index in dir until release is called.
func lockIndex(t *testing.T, dir string) (release func()) {
	t.Helper()
	pool, err := openPool(filepath.Join(dir, "index.sqlite"), "_txlock=immediate", 1)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := pool.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		if err := errors.Join(tx.Rollback(), pool.Close()); err != nil {
			t.Error(err)
		}
	})
}

// A caller who leaves while his record is being written gets his answer at once. Nobody can take away the blob before it is certain what became of
// the record.
func TestOneWhoLeavesInATransactionLeavesNoRecordWithoutBlob(t *testing.T) {
	dir := t.TempDir()
	s := openTestStore(t, dir)
	release := lockIndex(t, dir)
	defer release()
	ctx, leave := context.WithCancel(t.Context())
	records := s.index.(*sqlIndex).records
	write := records.write
	records.write = func(batch []entry) ([]bool, error) {
		leave() // when the transaction begins
		return write(batch)
	}
	sp := newSpool(t, s)
	if _, err := sp.Write([]byte("negative")); err != nil {
		t.Fatal(err)
	}
	d := sp.Digest()
	if _, err := s.Add(ctx, sp, Original{}, Usage{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if held, err := s.holdAlone(t.Context(), d); held != nil || err != nil {
		t.Errorf("the blob can be taken away while its record is being written: %v", err)
	}
	release()
	alone, err := s.index.Hold(t.Context(), d, true)
	if err != nil {
		t.Fatal(err)
	}
	defer alone()
	shared, err := s.index.Shared(t.Context(), d)
	if _, missing := s.blobs.Open(t.Context(), d); err != nil || shared && missing != nil {
		t.Errorf("recorded %t, %v, and the blob: %v", shared, err, missing)
	}
}

func TestUploadsWaitForTheWritersOfOtherProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("waits longer than SQLite does")
	}
	dir := t.TempDir()
	s := openTestStore(t, dir)
	release := lockIndex(t, dir)
	time.AfterFunc(6*time.Second, release)
	o, err := addBytes(t, s, []byte("negative"), Original{})
	if err != nil {
		t.Fatal(err)
	}
	mustHold(t, s, o, []byte("negative"))
}

// Another process writes one transaction after the other, and uploads go on beside it.
func TestUploadsBesideAnotherProcessThatWrites(t *testing.T) {
	dir := t.TempDir()
	s := openTestStore(t, dir)
	beside, err := Open(t.Context(), Options{Dir: dir, Beside: true})
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	stop := make(chan struct{})
	var writing, uploading sync.WaitGroup
	writing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			err := beside.index.(*sqlIndex).together(t.Context(), func(tx *sql.Tx) error {
				time.Sleep(5 * time.Millisecond)
				_, err := tx.Exec("delete from task where name = ''")
				return err
			})
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 8 {
		uploading.Go(func() {
			for range 10 {
				if _, err := addBytes(t, s, randomBytes(100), Original{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	uploading.Wait()
	close(stop)
	writing.Wait()
	if n := len(listIDs(t, s.index, Query{Limit: MaxLimit})); n != 80 {
		t.Errorf("%d records, want 80", n)
	}
}
