package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"syscall"
	"time"
)

// fetchFile is Fetcher.Fetch for a file below Options.Root. Links are followed as long as they stay below it. Only regular files are
// read: what waits, such as a pipe, is not.
func (k *Keeper) fetchFile(ctx context.Context, r Request, w io.Writer) (Response, error) {
	answer := Response{Final: r.Source, Asked: time.Now()}
	switch {
	case !r.Allowed.Allows(r.Source):
		return answer, &failure{kind: ErrNotAllowed}
	case k.root == nil:
		return answer, &failure{kind: ErrNotAllowed, what: "there are no local files"}
	}
	file, err := k.root.OpenFile(r.Source.Key(), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	answer.At = time.Now()
	if err != nil {
		return answer, fileError(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return answer, fileError(err)
	}
	if !info.Mode().IsRegular() {
		return answer, &failure{kind: ErrNotAllowed, what: "it is not a regular file"}
	}
	answer.Header = fileHeader(info)
	if r.ETag != "" && r.ETag == answer.Header.Get("Etag") {
		answer.Status = http.StatusNotModified
		return answer, nil
	}
	answer.Status = http.StatusOK
	if info.Size() > k.options.MaxBytes {
		return answer, k.fetcher.tooLarge()
	}
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	answer.Bytes, err = k.fetcher.carry(ctx, abort, fileReader{ctx, file}, w)
	if after, failed := file.Stat(); err == nil && (failed != nil || fileHeader(after).Get("Etag") != answer.Header.Get("Etag") || answer.Bytes != info.Size()) {
		err = &failure{kind: ErrOrigin, what: "it has changed while it was read", passing: true}
	}
	return answer, err
}

// fileHeader is what a server would say of a file. It costs little to ask again, so that nothing is said of how long it stays as it is.
func fileHeader(info os.FileInfo) http.Header {
	inode := uint64(0)
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = s.Ino
	}
	h := http.Header{}
	h.Set("Cache-Control", "max-age=0")
	h.Set("Etag", fmt.Sprintf(`"%x-%x-%x"`, info.ModTime().UnixNano(), info.Size(), inode))
	h.Set("Last-Modified", info.ModTime().UTC().Format(http.TimeFormat))
	return h
}

func fileError(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG):
		return &failure{kind: ErrMissing, cause: err}
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ESTALE), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return &failure{kind: ErrOrigin, cause: err}
	}
	return &failure{kind: ErrNotAllowed, what: "the file cannot be opened", cause: err} // a link leads out of the root, or it is another user's
}

// fileReader reads until a context ends.
type fileReader struct {
	ctx  context.Context
	file io.Reader
}

func (r fileReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.file.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fileError(err)
	}
	return n, err
}
