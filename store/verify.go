package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// What a file was found to hold is believed for a while, as long as the file is the same.
const (
	trustFor   = time.Minute
	mostTrusts = 4096 // remembered in each of two generations, 128 bytes each
)

// identity tells a version of a file from every other one, as far as the file system tells. Bits that rot on the disk change nothing of it:
// therefore the trust ends.
type identity struct {
	device, inode     uint64
	size              int64
	modified, changed unix.Timespec
}

func identify(f *os.File) (identity, error) {
	var s unix.Stat_t
	for {
		switch err := unix.Fstat(int(f.Fd()), &s); err {
		case nil:
			return identity{uint64(s.Dev), s.Ino, s.Size, s.Mtim, s.Ctim}, nil
		case unix.EINTR:
		default:
			return identity{}, &os.PathError{Op: "stat", Path: f.Name(), Err: err}
		}
	}
}

// A verifier computes the SHA-256 of blobs that are read, and remembers for a while which files were whole. Its zero value has
// seen nothing.
type verifier struct {
	mutex         sync.Mutex
	running       map[Digest]*verification
	recent, older map[Digest]trust
	begun         time.Time // of recent
}

type trust struct {
	file  identity
	since time.Time
}

// A verification is under way, for all who want to read the same file.
type verification struct {
	file identity
	done chan struct{}
	err  error // once done is closed
}

// verify returns nil if the bytes of f are those of d, or were when they were last looked at, less than trustFor ago. Other bytes
// are ErrDamaged. The position of f is neither used nor moved.
func (v *verifier) verify(ctx context.Context, d Digest, f *os.File) error {
	file, err := identify(f)
	if err != nil {
		return err
	}
	for {
		other, own := v.begin(d, file)
		if own != nil {
			own.err = checkDigest(ctx, d, f, nil)
			v.end(d, own)
			return own.err
		}
		if other == nil {
			return nil
		}
		select {
		case <-other.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		// One who gave up has found out nothing.
		if isDamage(other.err) && other.file == file {
			return other.err
		}
	}
}

// begin returns a verification for the caller to do and to end, or that of another to wait for; neither if the file is trusted.
func (v *verifier) begin(d Digest, file identity) (other, own *verification) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	for _, generation := range []map[Digest]trust{v.recent, v.older} {
		if t, found := generation[d]; found && t.file == file && time.Since(t.since) < trustFor {
			return nil, nil
		}
	}
	if other := v.running[d]; other != nil {
		return other, nil
	}
	own = &verification{file: file, done: make(chan struct{})}
	if v.running == nil {
		v.running = map[Digest]*verification{}
	}
	v.running[d] = own
	return nil, own
}

func (v *verifier) end(d Digest, own *verification) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	delete(v.running, d)
	close(own.done)
	if own.err != nil {
		return
	}
	if v.recent == nil || len(v.recent) == mostTrusts || time.Since(v.begun) > trustFor {
		v.older, v.recent, v.begun = v.recent, map[Digest]trust{}, time.Now()
	}
	v.recent[d] = trust{own.file, time.Now()}
}

// readBuffers are what files are read into to be hashed.
var readBuffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// checkDigest reads the whole of f and returns ErrDamaged if its SHA-256 is not d. The position of f is neither used nor moved. After each piece that it
// has read it calls pace, unless that is nil, with the length of the piece.
func checkDigest(ctx context.Context, d Digest, f io.ReaderAt, pace func(length int64) error) error {
	hash, buffer := sha256.New(), readBuffers.Get().(*[256 << 10]byte)
	defer readBuffers.Put(buffer)
	file := io.NewSectionReader(f, 0, math.MaxInt64)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(file, buffer[:])
		hash.Write(buffer[:n])
		if pace != nil && n > 0 {
			if err := pace(int64(n)); err != nil {
				return err
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if found := Digest(hash.Sum(nil)); found != d {
		return fmt.Errorf("blob %s: %w: its bytes have the digest %s", d, ErrDamaged, found)
	}
	return nil
}
