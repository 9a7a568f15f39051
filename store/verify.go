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
	trustTimes = 30   // as long as it took to read the file, if that is longer
	mostTrusts = 4096 // remembered in each of two generations, 128 bytes each
)

// A file of more than longFile bytes may take longer to read than anybody waits for it: it is then read to its end all the same. At most mostLong are, at a time.
const (
	longFile = 256 << 20
	mostLong = 2
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
	// background runs what outlives those who wait for it, until the context ends that it is given; nil has nothing outlive them.
	background func(run func(ctx context.Context))

	mutex         sync.Mutex
	long          int // files of more than longFile bytes that are being read
	running       map[Digest]*verification
	recent, older map[Digest]trust
	begun         time.Time // of recent
}

type trust struct {
	file  identity
	until time.Time
}

// A verification is under way, for all who want to read the same file.
type verification struct {
	file  identity
	begun time.Time
	done  chan struct{}
	err   error // once done is closed
}

// verify returns nil if the bytes of f are those of d, or were when they were last looked at, less than trustFor ago. Other bytes
// are ErrDamaged. If ctx ends before a long file is read it is ErrUnavailable; whoever comes later finds it read. The position of f is neither used nor moved.
func (v *verifier) verify(ctx context.Context, d Digest, f *os.File) error {
	file, err := identify(f)
	if err != nil {
		return err
	}
	for {
		other, own := v.begin(d, file)
		if own != nil {
			if !v.detach(d, f, own) {
				own.err = checkDigest(ctx, d, f, nil)
				v.end(d, own)
				return own.err
			}
			other = own
		}
		if other == nil {
			return nil
		}
		select {
		case <-other.done:
			if other == own {
				return own.err
			}
		case <-ctx.Done():
			if file.size > longFile {
				return fmt.Errorf("%w: its %d bytes are still being compared with their digest: %w", ErrUnavailable, file.size, ctx.Err())
			}
			return ctx.Err()
		}
		// One who gave up has found out nothing.
		if isDamage(other.err) && other.file == file {
			return other.err
		}
	}
}

// detach has a long file read in the background, by a descriptor of its own. It returns false if the file is not long, or too many are being read.
func (v *verifier) detach(d Digest, f *os.File, own *verification) bool {
	if v.background == nil || own.file.size <= longFile || !v.takeLong() {
		return false
	}
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		v.leaveLong()
		return false
	}
	f = os.NewFile(uintptr(fd), f.Name())
	v.background(func(ctx context.Context) {
		defer f.Close()
		own.err = checkDigest(ctx, d, f, nil)
		v.leaveLong()
		v.end(d, own)
	})
	return true
}

func (v *verifier) takeLong() bool {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if v.long == mostLong {
		return false
	}
	v.long++
	return true
}

func (v *verifier) leaveLong() {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.long--
}

// begin returns a verification for the caller to do and to end, or that of another to wait for; neither if the file is trusted.
func (v *verifier) begin(d Digest, file identity) (other, own *verification) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	for _, generation := range []map[Digest]trust{v.recent, v.older} {
		if t, found := generation[d]; found && t.file == file && time.Now().Before(t.until) {
			return nil, nil
		}
	}
	if other := v.running[d]; other != nil {
		return other, nil
	}
	own = &verification{file: file, begun: time.Now(), done: make(chan struct{})}
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
	now := time.Now()
	v.recent[d] = trust{own.file, now.Add(max(trustFor, trustTimes*now.Sub(own.begun)))}
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
